//! Diretrix and Work API.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::{Stage, answer, text};

fn diretrix(stage: &Stage, path: &str) -> RequestBuilder {
    stage.get(&format!("/diretrix/Consultas/Pessoa/{path}")).basic_auth("sandbox", Some("sandbox-password"))
}

async fn work(stage: &Stage, module: &str, about: &str) -> Value {
    let query = [("token", "sandbox-work-token"), ("modulo", module), ("consulta", about)];
    let (status, body) = answer(stage.get("/work/api").query(&query)).await;
    assert_eq!(status, 200, "Work API answers 200 to everything");
    body
}

fn names(people: &Value) -> Vec<&str> {
    people.as_array().unwrap().iter().map(|person| person["nome"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn diretrix_finds_by_phone_and_email() {
    let stage = Stage::set().await;
    let ana = json!([{"nome": "Ana Exemplo da Silva", "cpf": "00000000191"}]);
    assert_eq!(answer(diretrix(&stage, "Telefone/11900000001")).await, (200, ana.clone()));
    assert_eq!(answer(diretrix(&stage, "Email/ana%40example.com")).await, (200, ana));
}

#[tokio::test]
async fn a_shared_phone_finds_several_people() {
    let stage = Stage::set().await;
    let sharing = ["Carla Amostra Pereira", "Davi Amostra Pereira", "Elisa Fictícia de Souza"];
    let found = answer(diretrix(&stage, "Telefone/11900000003")).await.1;
    assert_eq!(names(&found), sharing);
    let found = work(&stage, "phone", "5511900000003").await;
    assert_eq!(names(&found["msg"]), [&sharing[..], &["Empresa Fictícia Ltda"]].concat());
}

#[tokio::test]
async fn diretrix_answers_404_for_nobody_and_400_for_nonsense() {
    let stage = Stage::set().await;
    for (path, status) in [
        ("Telefone/11900000099", 404),
        ("Email/nobody@example.com", 404),
        ("99999999999", 404),
        ("Telefone/11900000009", 404),
        ("Telefone/5511900000001", 400),
        ("Email/nonsense", 400),
        ("123", 400),
    ] {
        assert_eq!(text(diretrix(&stage, path)).await.0, status, "{path}");
    }
}

#[tokio::test]
async fn diretrix_demands_its_basic_credentials() {
    let stage = Stage::set().await;
    let path = "/diretrix/Consultas/Pessoa/Telefone/11900000001";
    assert_eq!(text(stage.get(path)).await.0, 401);
    assert_eq!(text(stage.get(path).basic_auth("sandbox", Some("wrong"))).await.0, 401);
}

#[tokio::test]
async fn diretrix_shows_a_person_with_its_own_spelling() {
    let stage = Stage::set().await;
    let person = answer(diretrix(&stage, "00000000191")).await.1;
    assert_eq!(
        person["telefones"][0],
        json!({"numero": "900000001", "ddd": "11", "operadora": "SANDBOX", "tipo": "MOVEL", "ranking": 1})
    );
    assert_eq!(person["enderecos"][0]["logadouro"], "DOS TESTES");
}

#[tokio::test]
async fn work_api_errors_come_in_a_200() {
    let stage = Stage::set().await;
    let (status, body) = answer(stage.get("/work/api?token=wrong&modulo=cpf&consulta=00000000191")).await;
    assert_eq!(status, 200);
    assert_eq!(body, json!({"status": 403, "statusMsg": "Forbidden", "reason": "Token vencido ou inválido"}));
    assert_eq!(work(&stage, "mae", "Maria").await["status"], 403);
    assert_eq!(work(&stage, "cpf", "99999999999").await["status"], 404);
    assert!(work(&stage, "cpf", "").await["erro"].is_string());
}

#[tokio::test]
async fn work_api_pads_documents_and_says_nobody_with_an_empty_list() {
    let stage = Stage::set().await;
    let ana = json!({"msg": [{"cpf_cnpj": "00000000000191", "nome": "Ana Exemplo da Silva"}]});
    for module in ["phone", "telefone"] {
        assert_eq!(work(&stage, module, "11900000001").await, ana);
    }
    assert_eq!(work(&stage, "phone", "11900000099").await, json!({"msg": []}));
}

#[tokio::test]
async fn work_api_shows_people_in_every_shape_it_is_known_to() {
    let stage = Stage::set().await;
    let full = work(&stage, "cpf", "00000000191").await;
    assert_eq!(full["DadosBasicos"]["cpf"], "00000000191");
    assert_eq!(full["DadosEconomicos"]["renda"], "6089,28");
    let full = full.to_string();
    for marker in ["SANDBOX-HEALTH", "SANDBOX-TAX", "SANDBOX-FAMILY"] {
        assert!(full.contains(marker), "{marker}");
    }
    let people = stage.look("/control/people").await;
    for (shape, economics) in [("empty", Some(json!([]))), ("absent", None)] {
        let of_shape = people["data"].as_array().unwrap().iter().find(|person| person["work"] == shape).unwrap();
        let person = work(&stage, "cpf", of_shape["cpf"].as_str().unwrap()).await;
        assert_eq!(person["DadosBasicos"]["nome"], of_shape["name"]);
        assert_eq!(person.get("DadosEconomicos"), economics.as_ref());
    }
}

#[tokio::test]
async fn people_can_be_added() {
    let stage = Stage::set().await;
    let added = json!([{"cpf": "12345678909", "name": "Nova Pessoa", "phones": ["5521900000001"], "income": "1,00"}]);
    stage.order("/control/people", added).await;
    assert_eq!(names(&answer(diretrix(&stage, "Telefone/21900000001")).await.1), ["Nova Pessoa"]);
    assert_eq!(work(&stage, "cpf", "12345678909").await["DadosEconomicos"]["renda"], "1,00");
}

#[tokio::test]
async fn the_readme_lists_the_catalogue() {
    let readme = include_str!("../sandbox/README.md");
    for person in Stage::set().await.look("/control/people").await["data"].as_array().unwrap() {
        let phones: Vec<_> = person["phones"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let phones = if phones.is_empty() { "–".to_owned() } else { phones.join(", ") };
        let row = format!("| {} | {} | {phones} |", person["cpf"].as_str().unwrap(), person["name"].as_str().unwrap());
        assert!(readme.contains(&row), "{row}");
    }
}
