//! Pages, order, filter, search, expand.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Account, code, id, read, rows};
use crate::Stage;

async fn shop(stage: &Stage) -> Account {
    let account = stage.account("one").await;
    for (name, code, weight) in [("Стол", "ms-1", 30), ("Стул", "ms-2", 7), ("Шкаф; белый", "xs-3", 90)]
    {
        account.make("product", json!({"name": name, "code": code, "weight": weight})).await;
    }
    account
}

async fn filtered(account: &Account, filter: &str) -> Vec<String> {
    account.names("product", &[("filter", filter)]).await
}

#[tokio::test]
async fn pages_say_where_the_next_is() {
    let stage = Stage::set().await;
    let account = shop(&stage).await;
    let first = account.look("entity/product?limit=2&order=name").await;
    assert_eq!((&first["meta"]["size"], &first["meta"]["limit"], rows(&first).len()), (&json!(3), &json!(2), 2));
    let next = first["meta"]["nextHref"].as_str().unwrap();
    let second = account.look(next.strip_prefix(&account.base).unwrap().trim_matches('/')).await;
    assert_eq!((rows(&second)[0]["name"].as_str(), second["meta"].get("nextHref")), (Some("Шкаф; белый"), None));
    assert!(second["meta"]["previousHref"].is_string());
    for wrong in ["limit=1001", "limit=0", "limit=x", "offset=-1"] {
        let (status, body) = account.get(&format!("entity/product?{wrong}")).await;
        assert_eq!((status, code(&body)), (400, Some(1084)), "{wrong}");
    }
}

#[tokio::test]
async fn rows_are_ordered_by_fields_up_or_down() {
    let stage = Stage::set().await;
    let account = shop(&stage).await;
    account.make("product", json!({"name": "Стол", "code": "ms-0", "weight": 30})).await;
    let codes = async |order: &str| {
        let (_, list) =
            read(account.request(Method::GET, "entity/product").query(&[("order", order)]).send().await.unwrap()).await;
        rows(&list).iter().map(|row| row["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(codes("code,desc").await, ["xs-3", "ms-2", "ms-1", "ms-0"]);
    assert_eq!(codes("weight;code").await, ["ms-2", "ms-0", "ms-1", "xs-3"]);
    assert_eq!(code(&account.get("entity/product?order=salePrices").await.1), Some(1063));
}

#[tokio::test]
async fn every_operator_filters_as_documented() {
    let stage = Stage::set().await;
    let account = shop(&stage).await;
    for (filter, expected) in [
        ("code=ms-1", vec!["Стол"]),
        ("code=ms-1;code=xs-3", vec!["Стол", "Шкаф; белый"]),
        ("code!=ms-1", vec!["Стул", "Шкаф; белый"]),
        ("code!=ms-1;code!=ms-2", vec!["Шкаф; белый"]),
        ("weight>30", vec!["Шкаф; белый"]),
        ("weight>=30", vec!["Стол", "Шкаф; белый"]),
        ("weight<30", vec!["Стул"]),
        ("weight<=30", vec!["Стол", "Стул"]),
        ("code~S-", vec!["Стол", "Стул", "Шкаф; белый"]),
        ("code~=MS", vec!["Стол", "Стул"]),
        ("code=~-3", vec!["Шкаф; белый"]),
        (r"name=Шкаф\; белый", vec!["Шкаф; белый"]),
        ("code=ms-1;weight>50", vec![]),
        ("weight>10;weight>80", vec!["Стол", "Шкаф; белый"]),
        ("article=", vec!["Стол", "Стул", "Шкаф; белый"]),
        ("article!=", vec![]),
    ] {
        assert_eq!(filtered(&account, filter).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn a_filter_that_makes_no_sense_is_refused() {
    let stage = Stage::set().await;
    let account = shop(&stage).await;
    for (filter, expected) in [
        ("nothing=1", 1034),
        ("salePrices=1", 1034),
        ("code", 1034),
        ("weight=30;weight>7", 1034),
        ("updated~2026", 1034),
        ("id~1", 1034),
        ("updated>=yesterday", 1035),
        ("updated>=2026-11-22T00:00:00Z", 1035),
        ("archived=maybe", 1014),
        ("weight>heavy", 1014),
    ] {
        let request = account.request(Method::GET, "entity/product").query(&[("filter", filter)]);
        let (status, body) = read(request.send().await.unwrap()).await;
        assert_eq!((status, code(&body)), (400, Some(expected)), "{filter}");
    }
}

#[tokio::test]
async fn updated_is_moscows_time_and_can_be_filtered_to_the_millisecond() {
    let stage = Stage::set().await;
    let account = shop(&stage).await;
    let before = jiff::Timestamp::now();
    let list = account.look("entity/product?filter=code=ms-2").await;
    let made = rows(&list)[0].clone();
    // Another millisecond than the creations'.
    while jiff::Timestamp::now().duration_since(before).as_millis() < 2 {
        tokio::task::yield_now().await;
    }
    let changed = account.put(&format!("entity/product/{}", id(&made)), json!({"weight": 8})).await.1;
    let updated = changed["updated"].as_str().unwrap();
    assert!(updated > made["updated"].as_str().unwrap());
    assert_eq!(filtered(&account, &format!("updated>={updated}")).await, ["Стул"]);
    assert_eq!(filtered(&account, &format!("updated>{updated}")).await, Vec::<String>::new());

    let moscow = jiff::tz::TimeZone::get("Europe/Moscow").unwrap();
    let said: jiff::civil::DateTime = updated.replace(' ', "T").parse().unwrap();
    let at = said.to_zoned(moscow).unwrap().timestamp();
    assert!((before..=jiff::Timestamp::now()).contains(&at), "{updated}");
}

#[tokio::test]
async fn what_is_archived_is_listed_only_where_it_is_asked_for() {
    let stage = Stage::set().await;
    let account = shop(&stage).await;
    let list = account.look("entity/product?filter=code=ms-1").await;
    account.put(&format!("entity/product/{}", id(&rows(&list)[0])), json!({"archived": true})).await;
    assert_eq!(account.names("product", &[]).await, ["Стул", "Шкаф; белый"]);
    assert_eq!(filtered(&account, "archived=true").await, ["Стол"]);
    assert_eq!(filtered(&account, "archived=true;archived=false").await, ["Стол", "Стул", "Шкаф; белый"]);
    assert_eq!(account.get(&format!("entity/product/{}", id(&rows(&list)[0]))).await.0, 200);
}

#[tokio::test]
async fn references_barcodes_and_attributes_can_be_filtered() {
    let stage = Stage::set().await;
    let account = shop(&stage).await;
    let folder = account.make("productfolder", json!({"name": "Мебель"})).await;
    let attribute = account.make("product/metadata/attributes", json!({"name": "Цвет", "type": "string"})).await;
    account
        .make(
            "product",
            json!({
                "name": "Диван", "productFolder": account.reference("productfolder", &folder["id"]),
                "barcodes": [{"ean13": "2000000000008"}, {"code128": "D-1"}],
                "attributes": [{"meta": attribute["meta"], "value": "red"}]
            }),
        )
        .await;
    let href = |of: &Value| of["meta"]["href"].as_str().unwrap().to_owned();
    for filter in [
        format!("productFolder={}", href(&folder)),
        format!("{}=red", href(&attribute)),
        format!("{}~=RE", href(&attribute)),
        "barcode=2000000000008".to_owned(),
        "barcode=D-1".to_owned(),
        "pathName=Мебель".to_owned(),
    ] {
        assert_eq!(filtered(&account, &filter).await, ["Диван"], "{filter}");
    }
    assert_eq!(account.names("product", &[("search", "див")]).await, ["Диван"]);
}

#[tokio::test]
async fn expand_works_up_to_a_hundred_rows_and_is_ignored_beyond() {
    let stage = Stage::set().await;
    let account = shop(&stage).await;
    let list = account.look("entity/product?limit=100&expand=owner,group").await;
    assert_eq!(rows(&list)[0]["group"]["name"], "Основной");
    assert!(rows(&list)[0]["owner"]["id"].is_string());
    for unexpanded in ["entity/product?limit=101&expand=group", "entity/product?expand=group"] {
        let list = account.look(unexpanded).await;
        assert_eq!(rows(&list)[0]["group"].get("name"), None, "{unexpanded}");
    }
    let made = account.post("entity/product?expand=group", json!({"name": "Диван"})).await.1;
    assert_eq!(made["group"]["name"], "Основной");
}
