//! Faults by order, and the log of what was asked.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Stage, answer, text};

async fn order(stage: &Stage, upstream: &str, when: Value, times: Value, fault: Value) -> Value {
    stage.order("/control/faults", json!({"upstream": upstream, "match": when, "times": times, "fault": fault})).await
}

async fn n_messages(stage: &Stage, lead: &str) -> Value {
    let (status, body) = text(stage.get(&format!("/control/c2s/leads/{lead}"))).await;
    if status == 404 { json!(0) } else { serde_json::from_str::<Value>(&body).unwrap()["n_messages"].clone() }
}

#[tokio::test]
async fn a_status_strikes_its_lead_so_many_times_and_no_other() {
    let stage = Stage::set().await;
    let fault = json!({"kind": "status", "status": 429, "body": "slow down", "headers": {"retry-after": "7"}});
    order(&stage, "c2s", json!({"lead_id": "lead-1"}), json!(1), fault).await;

    let spared = stage.message("lead-10", &json!({"body": "Olá"})).send().await.unwrap();
    assert_eq!(spared.status(), 201);
    let struck = stage.message("lead-1", &json!({"body": "Olá"})).send().await.unwrap();
    assert_eq!((struck.status().as_u16(), &struck.headers()["retry-after"]), (429, &"7".parse().unwrap()));
    assert_eq!(struck.text().await.unwrap(), "slow down");
    assert_eq!(n_messages(&stage, "lead-1").await, 0);
    assert_eq!(stage.message("lead-1", &json!({"body": "Olá"})).send().await.unwrap().status(), 201);
}

#[tokio::test]
async fn a_fault_of_one_in_three_spares_two_and_strikes_the_third_each_time() {
    let stage = Stage::set().await;
    let fault = json!({"kind": "status", "status": 503});
    let order = json!({"upstream": "c2s", "match": {"lead_id": "third"}, "one_in": 3, "fault": fault});
    stage.order("/control/faults", order).await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(stage.message("third", &json!({"body": "Olá"})).send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [201, 201, 503, 201, 201, 503]);
}

#[tokio::test]
async fn a_cut_connection_shows_no_status_line() {
    let stage = Stage::set().await;
    order(&stage, "c2s", json!({"lead_id": "cut"}), Value::Null, json!({"kind": "cut"})).await;
    order(&stage, "c2s", json!({"lead_id": "kept"}), Value::Null, json!({"kind": "cut_after_effect"})).await;

    for (lead, messages) in [("cut", 0), ("kept", 1)] {
        let error = stage.message(lead, &json!({"body": "Olá"})).send().await.unwrap_err();
        assert!(error.is_request() && !error.is_timeout() && !error.is_connect(), "{error:?}");
        assert_eq!(n_messages(&stage, lead).await, messages, "{lead}");
    }

    let address = stage.sandbox.url().trim_start_matches("http://").to_owned();
    let bytes = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /c2s/integration/leads/cut HTTP/1.1\r\nhost: sandbox\r\n\r\n").unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).map(|_| bytes).unwrap_or_default()
    });
    assert_eq!(bytes.await.unwrap(), b"");
}

#[tokio::test]
async fn an_answer_cut_in_the_middle_shows_its_status() {
    let stage = Stage::set().await;
    order(&stage, "c2s", json!({"lead_id": "mid"}), Value::Null, json!({"kind": "cut_mid_answer"})).await;
    let response = stage.message("mid", &json!({"body": "Olá"})).send().await.unwrap();
    assert_eq!(response.status(), 201);
    assert!(response.text().await.is_err());
    assert_eq!(n_messages(&stage, "mid").await, 1);
}

#[tokio::test]
async fn a_hung_request_times_out_with_its_effect_or_without() {
    let stage = Stage::set().await;
    order(&stage, "c2s", json!({"lead_id": "hung"}), Value::Null, json!({"kind": "hang"})).await;
    order(&stage, "c2s", json!({"lead_id": "late"}), Value::Null, json!({"kind": "delay", "ms": 60_000})).await;
    let kind = json!({"kind": "hang_after_effect"});
    order(&stage, "c2s", json!({"lead_id": "done"}), Value::Null, kind).await;
    for (lead, messages) in [("hung", 0), ("late", 1), ("done", 1)] {
        let request = stage.message(lead, &json!({"body": "Olá"})).timeout(Duration::from_millis(300));
        assert!(request.send().await.unwrap_err().is_timeout());
        assert_eq!(n_messages(&stage, lead).await, messages, "{lead}");
        let asked = stage.look(&format!("/control/requests?upstream=c2s&contains=/{lead}/")).await;
        assert_eq!(asked["data"][0]["answered"], Value::Null, "{lead}");
    }
}

#[tokio::test]
async fn a_delay_holds_the_answer_back() {
    let stage = Stage::set().await;
    order(&stage, "diretrix", json!({"key": "11900000001"}), json!(1), json!({"kind": "delay", "ms": 200})).await;
    let began = Instant::now();
    let path = "/diretrix/Consultas/Pessoa/Telefone/11900000001";
    let request = stage.get(path).basic_auth("sandbox", Some("sandbox-password"));
    assert_eq!(answer(request).await.0, 200);
    assert!(began.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn each_work_error_can_be_ordered_for_one_phone() {
    let stage = Stage::set().await;
    let ask = |phone: &str| stage.get(&format!("/work/api?token=sandbox-work-token&modulo=phone&consulta={phone}"));
    for (name, member, value) in [
        ("token", "reason", json!("Token vencido ou inválido")),
        ("credits", "code", json!(429)),
        ("module", "status", json!(403)),
        ("not_found", "status", json!(404)),
        ("erro", "erro", json!("Falha na consulta")),
    ] {
        let fault = json!({"kind": "work_error", "name": name});
        order(&stage, "work", json!({"key": "5511900000001"}), json!(1), fault).await;
        assert!(answer(ask("5511900000005")).await.1["msg"].is_array());
        let (status, body) = answer(ask("5511900000001")).await;
        assert_eq!((status, &body[member]), (200, &value), "{name}");
    }
}

#[tokio::test]
async fn a_fault_can_be_taken_back() {
    let stage = Stage::set().await;
    let id = order(&stage, "c2s", json!({}), Value::Null, json!({"kind": "status", "status": 500})).await["id"].clone();
    assert_eq!(text(stage.c2s("/me")).await.0, 500);
    assert_eq!(stage.look("/control/faults").await["data"][0]["struck"], 1);
    stage.client.delete(stage.url(&format!("/control/faults/{id}"))).send().await.unwrap();
    assert_eq!(text(stage.c2s("/me")).await.0, 200);
}

#[tokio::test]
async fn everything_asked_is_logged_in_order() {
    let stage = Stage::set().await;
    stage.message("lead-log", &json!({"body": "Olá"})).send().await.unwrap();
    stage.c2s("/leads/lead-log").send().await.unwrap();
    stage.get("/diretrix/Consultas/Pessoa/Email/ana%40example.com").send().await.unwrap();
    stage.get("/work/nothing").send().await.unwrap();

    let asked = stage.look("/control/requests?upstream=c2s&contains=lead-log").await;
    let first = &asked["data"][0];
    assert_eq!(first["method"], "POST");
    assert_eq!(first["path"], "/c2s/integration/leads/lead-log/create_message");
    assert_eq!(first["headers"]["authorization"], "Bearer sandbox-c2s-token");
    assert_eq!((&first["body"], &first["answered"]), (&json!("{\"body\":\"Olá\"}"), &json!(201)));
    assert_eq!(asked["data"][1]["method"], "GET");
    assert_eq!(asked["data"].as_array().unwrap().len(), 2);

    let decoded = stage.look("/control/requests?contains=ana@example.com").await;
    assert_eq!(decoded["data"][0]["answered"], 401);
    let rest = stage.look("/control/requests?after=3").await;
    assert_eq!((&rest["total"], &rest["data"][0]["answered"]), (&json!(4), &json!(404)));
}
