//! Work API ("Completa Buscas"): one route, the token in the query, HTTP 200 also on errors.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::json_answer;
use super::people::{Person, WorkShape};
use super::state::Sandbox;

pub(crate) fn router() -> Router<Arc<Sandbox>> {
    Router::new().route("/api", get(ask))
}

/// The errors that come in a 200, each in the shape it has been seen in.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WorkError {
    Token,
    Credits,
    Module,
    NotFound,
    Erro,
}

impl WorkError {
    pub(crate) fn answer(self) -> Response {
        let body = match self {
            Self::Token => json!({
                "status": 403, "statusMsg": "Forbidden", "reason": "Token vencido ou inválido"
            }),
            Self::Credits => json!({
                "code": 429, "message": "not enough credits", "required": 1, "remaining": 0
            }),
            Self::Module => json!({
                "status": 403, "reason": "Módulo solicitado inexistente para a rota"
            }),
            Self::NotFound => json!({
                "status": 404, "statusMsg": "Not Found", "reason": "Nenhum registro encontrado"
            }),
            Self::Erro => json!({"erro": "Falha na consulta"}),
        };
        json_answer(StatusCode::OK, body)
    }
}

#[derive(Deserialize)]
struct Question {
    #[serde(default)]
    token: String,
    #[serde(default)]
    modulo: String,
    #[serde(default)]
    consulta: String,
}

/// The modules depend on the plan; this plan has `cpf` and `phone`, which others call `telefone`.
async fn ask(State(sandbox): State<Arc<Sandbox>>, Query(question): Query<Question>) -> Response {
    if question.token != sandbox.credentials.work_token {
        return WorkError::Token.answer();
    }
    let digits: String = question.consulta.chars().filter(char::is_ascii_digit).collect();
    match question.modulo.as_str() {
        "cpf" | "phone" | "telefone" if digits.is_empty() => WorkError::Erro.answer(),
        "cpf" => by_cpf(&sandbox, &digits),
        "phone" | "telefone" => by_phone(&sandbox, &digits),
        _ => WorkError::Module.answer(),
    }
}

/// `cpf_cnpj` is zero-padded to 14; nobody is `{"msg":[]}`.
fn by_phone(sandbox: &Sandbox, phone: &str) -> Response {
    let people = sandbox.people.lock();
    let found: Vec<Value> = people
        .by_phone(phone)
        .map(|person| json!({"cpf_cnpj": format!("{:0>14}", person.cpf), "nome": person.name}))
        .collect();
    json_answer(StatusCode::OK, json!({"msg": found}))
}

fn by_cpf(sandbox: &Sandbox, cpf: &str) -> Response {
    let people = sandbox.people.lock();
    let Some(person) = people.by_cpf(cpf).filter(|person| !person.is_company()) else {
        return WorkError::NotFound.answer();
    };
    let body = match person.work {
        WorkShape::Full => full(person),
        WorkShape::Empty => empty(person),
        WorkShape::Absent => absent(person),
        WorkShape::Unknown => return WorkError::NotFound.answer(),
    };
    json_answer(StatusCode::OK, body)
}

fn basics(person: &Person) -> Value {
    json!({
        "nome": person.name, "cpf": person.cpf, "cns": "SANDBOX-HEALTH-000", "dataNascimento": "01/01/1980",
        "sexo": "F - FEMININO", "cor": "SANDBOX-HEALTH", "nomeMae": "SANDBOX-FAMILY Maria",
        "nomePai": "SANDBOX-FAMILY José", "municipioNascimento": "SAO PAULO", "escolaridade": "SUPERIOR",
        "estadoCivil": "SOLTEIRO", "nacionalidade": "BRASILEIRA", "conjuge": [], "obito": {},
        "situacaoCadastral": {"descricao": "REGULAR"}
    })
}

/// Numbers come as texts with a decimal comma. The blocks about health, tax and family carry `SANDBOX-HEALTH`,
/// `SANDBOX-TAX` and `SANDBOX-FAMILY`, so that a test can prove that they are kept nowhere.
fn full(person: &Person) -> Value {
    let phones: Vec<Value> = person
        .phones
        .iter()
        .map(|phone| {
            let local = phone.strip_prefix("55").unwrap_or(phone);
            json!({"telefone": local, "status": "ATIVO", "tipo": "MOVEL", "operadora": "SANDBOX", "whatsapp": "SIM"})
        })
        .collect();
    let emails: Vec<Value> = person
        .emails
        .iter()
        .map(|email| {
            json!({"email": email, "prioridade": "1", "qualidade": "BOM", "emailPessoal": "S", "blacklist": "N"})
        })
        .collect();
    json!({
        "status": 200,
        "foto": null,
        "DadosBasicos": basics(person),
        "DadosEconomicos": {
            "renda": person.income,
            "rendaPresumida": person.income,
            "poderAquisitivo": {"codigo": "5", "descricao": "MEDIO", "faixa": "De 5.000,00 até 7.500,00"},
            "score": {"scoreCSB": "512,00", "scoreCSBFaixaRisco": "MEDIO"},
            "serasaMosaic": {"codigo": "A01", "descricao": "SANDBOX"}
        },
        "profissao": {"cbo": "000000", "cboDescricao": "TESTADOR DE WEBHOOKS", "pis": "00000000000"},
        "empregos": [],
        "empresas": [{
            "cnpj": "11222333000181", "tipoRelacao": "SOCIO", "relacao": "SOCIO", "admissao": "01/01/2010",
            "demissao": null
        }],
        "registroGeral": {"rg": "000000000"},
        "tituloEleitor": [],
        "enderecos": [{
            "tipoLogradouro": "RUA", "logradouro": "DOS TESTES", "logradouroNumero": "100", "complemento": "",
            "bairro": "CENTRO", "cidade": "SAO PAULO", "uf": "SP", "cep": "00000000"
        }],
        "telefones": phones,
        "emails": emails,
        "parentes": [{"nome": "SANDBOX-FAMILY Maria", "cpf": "00000000191", "vinculo": "MAE"}],
        "DadosImposto": [{"ano": "2025", "situacao": "SANDBOX-TAX", "valor": "1.234,56"}],
        "beneficios": [{"programa": "SANDBOX-TAX", "valor": "600,00"}],
        "listaDocumentos": [],
        "imunoBiologicos": [{"vacina": "SANDBOX-HEALTH", "dose": "1", "data": "01/01/2021"}],
        "pep": [],
        "vizinhos": [{"nome": "SANDBOX-FAMILY Vizinho"}],
        "internet": [],
        "comprasId": [],
        "perfilConsumo": {},
        "servidor_siape": [],
        "flags": {"possui_email": "1"},
        "debug_info": []
    })
}

fn empty(person: &Person) -> Value {
    json!({
        "status": 200,
        "DadosBasicos": basics(person),
        "DadosEconomicos": [],
        "profissao": [],
        "empregos": [],
        "empresas": [],
        "enderecos": [],
        "telefones": [],
        "emails": [],
        "parentes": [],
        "DadosImposto": [],
        "imunoBiologicos": [],
        "pep": []
    })
}

fn absent(person: &Person) -> Value {
    json!({
        "status": 200,
        "DadosBasicos": {"nome": person.name, "cpf": person.cpf, "dataNascimento": null, "sexo": null},
        "profissao": null,
        "enderecos": null,
        "emails": null
    })
}
