// The clients, made once for all requests of a sandbox.

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SQSClient } from "@aws-sdk/client-sqs";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";

export const dynamodb = new DynamoDBClient();
export const documents = DynamoDBDocumentClient.from(dynamodb);
export const sqs = new SQSClient();

/** A setting without which nothing can be done. */
export function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}
