use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::ids::TenantId;
use crate::model::moysklad::{
    Account, AccountId, Action, EntityId, EntityKind, EntityRef, FieldGroup, Groups, Mapping, Role, Settings,
};
use crate::model::sealed::Sealed;
use crate::providers::moysklad::payload::Notice;
use crate::sync::dictionary::{Attribute, Dictionary, Named, Translation};
use crate::sync::ports::Condition;
use crate::testing::memory_moysklad::{BASE, MemoryMoysklad};

fn id(n: u32) -> EntityId {
    format!("00000000-0000-0000-0000-{n:012}").parse().unwrap()
}

fn account(n: u32) -> AccountId {
    AccountId::new(id(n).uuid())
}

const MAIN: u32 = 900;
const CHILD: u32 = 901;

fn settings(change: &Value) -> Settings {
    let mut base = json!({
        "entities": ["product", "service", "variant", "bundle", "productfolder"], "match_field": "external_code",
        "orders": {"kinds": ["customerorder", "retaildemand"], "organization": id(801), "agent": id(802)},
    });
    base.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let settings: Settings = serde_json::from_value(base).unwrap();
    settings.check().unwrap();
    settings
}

/// The main account's identifiers; the child's are a hundred more.
fn dictionary(more: u32) -> Dictionary {
    let named = |n: u32, name: &str| Named { id: id(n + more), name: name.to_owned() };
    let attribute = Attribute { id: id(31 + more), name: "Colour".to_owned(), value_type: "string".to_owned() };
    Dictionary {
        price_types: vec![named(11, "Retail"), named(12, "Whole")],
        currencies: vec![named(21, "RUB"), named(22, "USD")],
        units: vec![named(41, "pc"), named(42, "box")],
        states: [(EntityKind::CustomerOrder, vec![named(71, "New"), named(72, "Shipped")])].into(),
        attributes: [(EntityKind::Product, vec![attribute])].into(),
        ..Dictionary::default()
    }
}

fn reference(path: &str, n: u32) -> Value {
    json!({"meta": {"href": format!("{BASE}/{path}/{}", id(n)), "type": path.rsplit('/').next()}})
}

fn price(kopecks: &Value, price_type: u32, currency: u32) -> Value {
    json!({"value": kopecks, "priceType": reference("context/companysettings/pricetype", price_type),
        "currency": reference("entity/currency", currency)})
}

fn product(change: &Value) -> Value {
    let mut product = json!({
        "id": id(1), "name": "Tea", "externalCode": "ext-1", "article": "A-1", "archived": false, "pathName": "Goods/Hot",
        "productFolder": reference("entity/productfolder", 51), "uom": reference("entity/uom", 41),
        "salePrices": [price(&json!(10_000), 11, 21), price(&json!(9_000.5), 12, 21)],
        "barcodes": [{"ean13": "2000000000001"}],
        "attributes": [{"meta": {"href": format!("{BASE}/entity/product/metadata/attributes/{}", id(31))}, "id": id(31), "value": "red"}],
    });
    product.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    product
}

fn mapping(kind: EntityKind, counterpart: Option<u32>) -> Mapping {
    let origin = EntityRef { account: account(MAIN), kind, id: id(1) };
    let counterpart = counterpart.map(id);
    Mapping { counterpart, ..Mapping::new(TenantId::default_tenant(), origin, account(CHILD)) }
}

/// The facts of one decision, with what is usual in place.
struct Case {
    entity: Option<Value>,
    mapping: Mapping,
    there: Option<Value>,
    asked: bool,
    candidates: Option<Vec<Value>>,
    groups: Groups,
    settings: Settings,
    references: References,
}

impl Case {
    fn new(kind: EntityKind, entity: Option<Value>) -> Self {
        let mut references = References::default();
        let main = |kind, n| EntityRef { account: account(MAIN), kind, id: id(n) };
        references.note(main(EntityKind::ProductFolder, 51), Some(id(151)));
        references.note(main(EntityKind::Product, 2), Some(id(102)));
        Self {
            entity,
            mapping: mapping(kind, None),
            there: None,
            asked: false,
            candidates: None,
            groups: Groups::all(),
            settings: settings(&json!({})),
            references,
        }
    }

    /// With something standing for it.
    fn there(mut self, there: Value) -> Self {
        self.mapping.counterpart = Some(id(101));
        self.asked = true;
        self.there = Some(there);
        self
    }

    fn candidates(mut self, candidates: Vec<Value>) -> Self {
        self.candidates = Some(candidates);
        self
    }

    fn settings(mut self, change: &Value) -> Self {
        self.settings = settings(change);
        self
    }

    fn groups(mut self, groups: impl Into<Groups>) -> Self {
        self.groups = groups.into();
        self
    }

    fn step(&self) -> Step {
        let translation = Translation::new(&dictionary(0), &dictionary(100), &self.settings);
        let counterpart = match (&self.there, self.asked) {
            (Some(there), _) => Counterpart::There(there),
            (None, true) => Counterpart::Gone,
            (None, false) => Counterpart::Unasked,
        };
        decide(&Facts {
            entity: self.entity.as_ref(),
            mapping: &self.mapping,
            counterpart,
            candidates: self.candidates.as_deref(),
            groups: &self.groups,
            settings: &self.settings,
            translation: &translation,
            references: &self.references,
            base: BASE,
        })
    }
}

fn of_product(entity: Value) -> Case {
    Case::new(EntityKind::Product, Some(entity))
}

/// The product as it should stand in the child.
fn standing() -> Value {
    let Step::Create(mut body) = of_product(product(&json!({}))).candidates(vec![]).step() else {
        panic!("it is created")
    };
    body["id"] = json!(id(101));
    body
}

fn update(case: &Case) -> Value {
    match case.step() {
        Step::Update(of, body) if of == id(101) => body,
        other => panic!("{other:?}"),
    }
}

/// What is searched for, whether it is archived or not.
fn searched(field: &'static str, value: &str) -> Vec<Condition> {
    [Condition::is(field, value)].into_iter().chain(["false", "true"].map(|it| Condition::is("archived", it))).collect()
}

#[test]
fn a_new_product_is_looked_for_and_then_created_in_the_childs_own_words() {
    let case = of_product(product(&json!({})));
    let Step::Search(Search { kind, filter, .. }) = case.step() else { panic!("{:?}", case.step()) };
    assert_eq!((kind, filter), (EntityKind::Product, searched("externalCode", "ext-1")));
    let Step::Create(body) = case.candidates(vec![]).step() else { panic!("it is created") };
    insta::assert_json_snapshot!(body);
}

#[test]
fn what_stands_there_already_is_not_written() {
    let case = of_product(product(&json!({}))).there(standing());
    assert_eq!(case.step(), Step::Nothing(Reason::Equal));
}

#[test]
fn a_change_writes_its_own_fields_and_no_others() {
    let with = |change: Value| update(&of_product(product(&change)).there(standing()));
    let names = |body: &Value| body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let dearer = with(json!({"salePrices": [price(&json!(15_000), 11, 21), price(&json!(9_000.5), 12, 21)]}));
    assert_eq!(names(&dearer), ["salePrices"]);
    assert_eq!(dearer["salePrices"].as_array().unwrap().len(), 1, "the other price is as it was");
    assert_eq!(dearer["salePrices"][0]["value"], 15_000);
    assert_eq!(with(json!({"name": "Green tea"})), json!({"name": "Green tea"}));
    assert_eq!(with(json!({"article": null})), json!({"article": null}));
    assert_eq!(with(json!({"archived": true})), json!({"archived": true}));
    assert_eq!(with(json!({"barcodes": []})), json!({"barcodes": []}));
    assert_eq!(with(json!({"productFolder": null})), json!({"productFolder": null}));
    let colour = with(json!({"attributes": []}));
    assert_eq!((names(&colour), &colour["attributes"][0]["value"]), (vec!["attributes".to_owned()], &Value::Null));
}

#[test]
fn a_change_of_prices_leaves_names_alone_even_if_they_differ() {
    let entity = product(&json!({"name": "Green tea", "salePrices": [price(&json!(1), 11, 21)]}));
    let body = update(&of_product(entity).there(standing()).groups(FieldGroup::Prices));
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["salePrices"]);
}

#[test]
fn spellings_of_one_amount_are_no_change() {
    let entity = product(&json!({"salePrices": [price(&json!(10_000.0), 11, 21), price(&json!(9_000.50), 12, 21)]}));
    assert_eq!(of_product(entity).there(standing()).step(), Step::Nothing(Reason::Equal));
}

#[test]
fn packages_come_in_the_childs_own_units_and_one_in_a_unit_it_has_not_is_left_out() {
    let pack = |unit, quantity| json!({"id": id(9), "uom": reference("entity/uom", unit), "quantity": quantity, "barcodes": [{"ean13": "2000000000002"}]});
    let packs = json!({"packs": [pack(42, 6), pack(49, 12)]});
    let Step::Create(body) = of_product(product(&packs)).candidates(vec![]).step() else { panic!("it is created") };
    let mut there = standing();
    there["packs"] = body["packs"].clone();
    assert_eq!(there["packs"].as_array().unwrap().len(), 1);
    assert_eq!(id_of(&there["packs"][0]["uom"]), Some(id(142)));
    assert_eq!(
        (&there["packs"][0]["quantity"], &there["packs"][0]["barcodes"][0]["ean13"]),
        (&json!(6), &json!("2000000000002"))
    );
    assert_eq!(there["packs"][0].get("id"), None, "the child's own");
    assert_eq!(of_product(product(&packs)).there(there.clone()).step(), Step::Nothing(Reason::Equal));
    let fewer = of_product(product(&json!({}))).there(there.clone());
    assert_eq!(update(&fewer), json!({"packs": []}));
    assert_eq!(fewer.groups(FieldGroup::Prices).step(), Step::Nothing(Reason::Equal));
}

#[test]
fn each_change_is_of_its_own_group() {
    let order = |change: &Value| {
        let order = order(EntityKind::CustomerOrder, change).entity;
        order.expect("an order")
    };
    let goods = |change: &Value| product(change);
    let unchanged =
        essence(&goods(&json!({}))).changed_since(&essence(&goods(&json!({"updated": "2027-01-01 00:00:00"}))));
    assert_eq!(unchanged.iter().count(), 0);
    for (change, group) in [
        (json!({"description": "hot"}), FieldGroup::Names),
        (json!({"minPrice": price(&json!(1), 11, 21)}), FieldGroup::Prices),
        (json!({"attributes": []}), FieldGroup::Attributes),
        (json!({"barcodes": []}), FieldGroup::Barcodes),
        (json!({"packs": [{"uom": reference("entity/uom", 41), "quantity": 6}]}), FieldGroup::Packs),
        (json!({"productFolder": null}), FieldGroup::Folder),
        (json!({"archived": true}), FieldGroup::Archived),
        (json!({"weight": 3}), FieldGroup::Units),
        (json!({"characteristics": [{"name": "Size", "value": "L"}]}), FieldGroup::Characteristics),
        (
            json!({"components": {"rows": [{"assortment": reference("entity/product", 2), "quantity": 1}]}}),
            FieldGroup::Components,
        ),
    ] {
        assert_eq!(essence(&goods(&change)).changed_since(&essence(&goods(&json!({})))), group.into(), "{change}");
    }
    for (change, group) in [
        (json!({"applicable": false}), FieldGroup::Order),
        (json!({"rate": {"currency": reference("entity/currency", 22)}}), FieldGroup::Order),
        (json!({"state": reference("entity/customerorder/metadata/states", 71)}), FieldGroup::State),
        (json!({"positions": {"rows": []}}), FieldGroup::Positions),
    ] {
        assert_eq!(essence(&order(&change)).changed_since(&essence(&order(&json!({})))), group.into(), "{change}");
    }
}

#[test]
fn what_an_entity_refers_to_comes_first() {
    let mut case = of_product(product(&json!({}))).candidates(vec![]);
    case.references = References::default();
    let folder = EntityRef { account: account(MAIN), kind: EntityKind::ProductFolder, id: id(51) };
    assert_eq!(case.step(), Step::Resolve(vec![folder]));
    case.references.note(folder, None);
    assert_eq!(case.step(), Step::Blocked(Blocked::ReferenceMissing(folder)));
    let without = of_product(product(&json!({}))).candidates(vec![]).settings(&json!({"folders": false}));
    let Step::Create(body) = without.step() else { panic!("{:?}", without.step()) };
    assert_eq!(body.get("productFolder"), None);
}

#[test]
fn one_match_is_adopted_and_several_are_told_of() {
    let candidate = |n: u32, code: &str| json!({"id": id(n), "externalCode": code});
    let with = |candidates| of_product(product(&json!({}))).candidates(candidates).step();
    assert_eq!(with(vec![candidate(7, "ext-1"), candidate(8, "ext-10")]), Step::Adopt(id(7)));
    let several = with(vec![candidate(7, "ext-1"), candidate(8, "ext-1")]);
    assert_eq!(several, Step::Blocked(Blocked::Ambiguous(vec![id(7), id(8)])));
}

#[test]
fn each_match_field_is_searched_by_and_looked_at() {
    for (field, name, value) in [
        ("article", "article", "A-1"),
        ("code", "code", "C-1"),
        ("external_code", "externalCode", "ext-1"),
        ("name", "name", "Tea"),
        ("barcode", "barcode", "2000000000001"),
    ] {
        let case = of_product(product(&json!({"code": "C-1"}))).settings(&json!({"match_field": field}));
        let Step::Search(search) = case.step() else { panic!("{field}: {:?}", case.step()) };
        assert_eq!((search.filter[0].field, search.filter[0].value.as_str()), (name, value));
        let same = product(&json!({"id": id(7), "code": "C-1"}));
        assert_eq!(case.candidates(vec![same]).step(), Step::Adopt(id(7)), "{field}");
    }
    let without = of_product(product(&json!({"article": ""}))).settings(&json!({"match_field": "article"}));
    assert!(matches!(without.step(), Step::Create(_)), "there is nothing to look for");
}

#[test]
fn a_stale_mapping_is_lost_and_the_next_is_of_another_generation() {
    let mut case = of_product(product(&json!({})));
    case.mapping.counterpart = Some(id(101));
    assert_eq!(case.step(), Step::Ask(id(101)));
    case.asked = true;
    assert_eq!(case.step(), Step::Lose);
    let lost = case.mapping.lost();
    assert_eq!((lost.counterpart, lost.generation, lost.rev), (None, 1, 1));
    assert_ne!(sync_id(&lost), sync_id(&case.mapping));
    case.mapping = lost;
    assert!(matches!(case.step(), Step::Search(_)));
    let Step::Create(body) = case.candidates(vec![]).step() else { panic!("it is created anew") };
    assert_ne!(body["syncId"], standing()["syncId"]);
}

#[test]
fn a_name_is_the_same_for_ever_and_another_for_every_target_entity_and_generation() {
    let first = mapping(EntityKind::Product, None);
    insta::assert_snapshot!(sync_id(&first), @"fc8798e6-1702-5711-9089-be09511a8e1f");
    let elsewhere = Mapping { target: account(902), ..first.clone() };
    let anothers = Mapping { tenant: "ten_b".parse().unwrap(), ..first.clone() };
    let service = mapping(EntityKind::Service, None);
    let all = [&first, &elsewhere, &anothers, &service, &first.lost()].map(sync_id);
    assert_eq!(std::collections::BTreeSet::from(all).len(), 5);
    assert_eq!(sync_id(&first.to(id(9))), sync_id(&first));
}

#[test]
fn a_deletion_in_the_main_account_does_what_the_settings_say() {
    let deleted = |how: &str| Case::new(EntityKind::Product, None).settings(&json!({"on_delete": how}));
    assert_eq!(deleted("delete").step(), Step::Nothing(Reason::Gone));
    assert_eq!(deleted("delete").there(standing()).step(), Step::Delete(id(101)));
    assert_eq!(deleted("keep").there(standing()).step(), Step::Nothing(Reason::Kept));
    assert_eq!(update(&deleted("archive").there(standing())), json!({"archived": true}));
    let archived = deleted("archive").there(json!({"archived": true}));
    assert_eq!(archived.step(), Step::Nothing(Reason::Kept));
}

#[test]
fn filters_leave_out_what_does_not_pass_them() {
    let with = |filter: Value| of_product(product(&json!({}))).settings(&json!({"filters": [filter]})).step();
    for passes in [
        json!({"in_folder": "Goods"}),
        json!({"in_folder": "Goods/Hot"}),
        json!({"attribute": {"id": id(31), "equals": "red"}}),
    ] {
        assert!(matches!(with(passes.clone()), Step::Search(_)), "{passes}");
    }
    for fails in [
        json!({"in_folder": "Good"}),
        json!({"in_folder": "Goods/Hot/Tea"}),
        json!({"attribute": {"id": id(31), "equals": "blue"}}),
        json!({"attribute": {"id": id(99), "equals": "red"}}),
    ] {
        assert_eq!(with(fails.clone()), Step::Nothing(Reason::Filtered), "{fails}");
    }
}

#[test]
fn what_is_not_carried_or_was_archived_before_it_came_stays_away() {
    let none = of_product(product(&json!({}))).settings(&json!({"entities": ["service"]}));
    assert_eq!(none.step(), Step::Nothing(Reason::NotCarried));
    assert_eq!(of_product(product(&json!({"archived": true}))).step(), Step::Nothing(Reason::Archived));
}

#[test]
fn a_price_in_a_currency_that_is_not_there_is_told_of_and_a_price_type_is_left_out() {
    let foreign = of_product(product(&json!({"salePrices": [price(&json!(1), 11, 29)]}))).there(standing());
    assert_eq!(foreign.step(), Step::Blocked(Blocked::UnknownCurrency));
    let other = of_product(product(&json!({"salePrices": [price(&json!(1), 19, 29)]}))).there(standing());
    assert_eq!(other.step(), Step::Nothing(Reason::Equal));
}

#[test]
fn a_folder_is_known_by_its_name_and_where_it_lies() {
    let folder = json!({"id": id(1), "name": "Hot", "productFolder": reference("entity/productfolder", 51)});
    let case = Case::new(EntityKind::ProductFolder, Some(folder));
    assert!(matches!(case.step(), Step::Search(search) if search.filter == searched("name", "Hot")));
    let candidate = |n: u32, parent: Option<u32>| json!({"id": id(n), "name": "Hot", "productFolder": parent.map(|n| reference("entity/productfolder", n))});
    let case = case.candidates(vec![candidate(7, None), candidate(8, Some(151)), candidate(9, Some(152))]);
    assert_eq!(case.step(), Step::Adopt(id(8)));
    let Step::Create(body) = case.candidates(vec![candidate(7, None)]).step() else { panic!("it is created") };
    assert_eq!((body.get("syncId"), body.get("barcodes")), (None, None));
}

#[test]
fn a_variant_is_known_by_its_product_and_what_it_differs_by() {
    let of = |characteristics: Value, product: u32| {
        json!({"id": id(7), "name": "Tea (red)", "externalCode": "v-1", "characteristics": characteristics,
            "product": reference("entity/product", product)})
    };
    let (red, blue) = (json!([{"name": "Colour", "value": "red"}]), json!([{"name": "Colour", "value": "blue"}]));
    let case = Case::new(EntityKind::Variant, Some(of(red.clone(), 2)));
    assert!(
        matches!(case.step(), Step::Search(search) if search.filter == searched("productid", &id(102).to_string()))
    );
    let case = case.candidates(vec![of(blue.clone(), 102), of(red, 103)]);
    let Step::Create(body) = case.step() else { panic!("{:?}", case.step()) };
    assert_eq!(body["product"], reference("entity/product", 102).as_object().map(|_| body["product"].clone()).unwrap());
    assert_eq!((body.get("name"), body.get("syncId")), (None, None), "its name is made, and it has no syncId");
    assert_eq!(id_of(&body["product"]), Some(id(102)));
}

fn order(kind: EntityKind, change: &Value) -> Case {
    let mut order = json!({
        "id": id(1), "name": "00017", "moment": "2026-03-02 12:00:00.000", "applicable": true, "externalCode": "o-1",
        "organization": reference("entity/organization", 601), "agent": reference("entity/counterparty", 602),
        "rate": {"currency": reference("entity/currency", 21)},
        "positions": {"rows": [
            {"assortment": reference("entity/product", 2), "quantity": 2, "price": 15_000, "discount": 0, "reserve": 1},
        ]},
    });
    order.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    Case::new(kind, Some(order))
}

#[test]
fn an_order_goes_up_with_its_positions_and_without_its_customer() {
    let case = order(EntityKind::CustomerOrder, &json!({}));
    let Step::Create(body) = case.step() else { panic!("{:?}", case.step()) };
    insta::assert_json_snapshot!(body);
    assert!(!body.to_string().contains(&id(602).to_string()));
    let mut there = body;
    there["positions"] = json!({"rows": there["positions"]});
    assert_eq!(order(EntityKind::CustomerOrder, &json!({})).there(there.clone()).step(), Step::Nothing(Reason::Equal));
    let more = json!({"positions": {"rows": [{"assortment": reference("entity/product", 2), "quantity": 3, "price": 15_000}]}});
    let body = update(&order(EntityKind::CustomerOrder, &more).there(there));
    assert_eq!(body["positions"][0]["quantity"], 3);
}

#[test]
fn a_state_is_carried_to_the_one_of_its_name_unless_the_settings_say_otherwise() {
    let state = |n| json!({"state": reference("entity/customerorder/metadata/states", n)});
    let order = |n| order(EntityKind::CustomerOrder, &state(n));
    let Step::Create(mut there) = order(71).step() else { panic!("it is created") };
    assert_eq!(there["state"]["meta"]["href"], state(171)["state"]["meta"]["href"]);
    there["positions"] = json!({"rows": there["positions"]});
    let body = update(&order(72).there(there.clone()));
    assert_eq!(
        body,
        json!({"state": {"meta": {"href": format!("{BASE}/entity/customerorder/metadata/states/{}", id(172)),
        "type": "state", "mediaType": "application/json"}}})
    );
    assert_eq!(order(79).there(there.clone()).step(), Step::Nothing(Reason::Equal), "one that is not there");
    let orders = json!({"kinds": ["customerorder"], "organization": id(801), "agent": id(802), "states": false});
    let without = order(72).there(there).settings(&json!({"orders": orders}));
    assert_eq!(without.step(), Step::Nothing(Reason::Equal));
}

#[test]
fn an_order_waits_until_it_is_posted_and_stays_when_it_is_deleted() {
    let open = order(EntityKind::CustomerOrder, &json!({"applicable": false}));
    assert_eq!(open.step(), Step::Nothing(Reason::NotPosted));
    let deleted = Case::new(EntityKind::CustomerOrder, None).there(json!({}));
    assert_eq!(deleted.step(), Step::Nothing(Reason::Kept));
}

#[test]
fn a_position_that_nobody_knows_above_is_told_of() {
    let of = |position: &str| {
        let rows = json!([{"assortment": reference(position, 3), "quantity": 1}]);
        order(EntityKind::CustomerOrder, &json!({"positions": {"rows": rows}}))
    };
    let mut case = of("entity/product");
    let product = EntityRef { account: account(MAIN), kind: EntityKind::Product, id: id(3) };
    assert_eq!(case.step(), Step::Resolve(vec![product]));
    case.references.note(product, None);
    assert_eq!(case.step(), Step::Blocked(Blocked::ReferenceMissing(product)));
    assert_eq!(of("entity/consignment").step(), Step::Blocked(Blocked::UnknownPosition));
}

#[test]
fn fingerprints_tell_contents_apart_and_not_spellings() {
    let of = |entity: &Value| fingerprint(EntityKind::Product, entity);
    let first = product(&json!({"updated": "2026-03-02 12:00:00.000"}));
    assert_eq!(of(&first), of(&product(&json!({"updated": "2027-01-01 00:00:00.000"}))));
    assert_eq!(
        of(&first),
        of(&product(&json!({"salePrices": [price(&json!(1e4), 11, 21), price(&json!(9_000.5), 12, 21)]})))
    );
    for change in [
        json!({"name": "x"}),
        json!({"salePrices": []}),
        json!({"archived": true}),
        json!({"barcodes": []}),
        json!({"productFolder": null}),
        json!({"attributes": []}),
    ] {
        assert_ne!(of(&first), of(&product(&change)), "{change}");
    }
}

fn account_row(n: u32, role: Role, enabled: bool) -> Account {
    Account {
        id: account(n),
        tenant: TenantId::default_tenant(),
        source: format!("src_{n}").parse().unwrap(),
        name: None,
        role,
        enabled,
        token: Sealed::from_text("sealed"),
        doorbell: None,
        created_at: Timestamp::UNIX_EPOCH,
        rev: 0,
    }
}

fn child_of(main: u32, n: u32, change: &Value) -> Account {
    account_row(n, Role::Child { main: account(main), settings: Box::new(settings(change)) }, true)
}

#[test]
fn a_notice_reaches_whom_it_concerns_and_nobody_else() {
    let accounts = [
        account_row(1, Role::Main, true),
        account_row(2, Role::Main, true),
        child_of(1, 11, &json!({})),
        child_of(1, 12, &json!({"entities": ["service"], "orders": null})),
        Account { enabled: false, ..child_of(1, 13, &json!({})) },
        child_of(2, 21, &json!({})),
        child_of(3, 31, &json!({})),
        Account { tenant: "ten_b".parse().unwrap(), ..child_of(1, 14, &json!({})) },
    ];
    let down = Mapping {
        target: account(11),
        origin: EntityRef { account: account(1), kind: EntityKind::Product, id: id(5) },
        ..mapping(EntityKind::Product, Some(101))
    };
    use Action::{Create, Delete, Update};
    use EntityKind::{CustomerOrder, Demand, Product, RetailDemand, Service};
    type Reached = &'static [(u32, u32)];
    let cases: &[(u32, EntityKind, Action, bool, Reached)] = &[
        (1, Product, Create, false, &[(11, 1)]),
        (1, Product, Update, false, &[(11, 1)]),
        (1, Product, Delete, false, &[(11, 1)]),
        (1, Service, Update, false, &[(11, 1), (12, 1)]),
        (2, Product, Update, false, &[(21, 2)]),
        (11, Product, Delete, true, &[(11, 1)]),
        (11, Product, Delete, false, &[]),
        (11, Product, Update, true, &[]),
        (11, Product, Create, false, &[]),
        (21, Product, Delete, true, &[]),
        (11, CustomerOrder, Create, false, &[(1, 11)]),
        (11, CustomerOrder, Update, false, &[(1, 11)]),
        (11, CustomerOrder, Delete, false, &[]),
        (11, RetailDemand, Create, false, &[(1, 11)]),
        (11, Demand, Create, false, &[]),
        (12, CustomerOrder, Create, false, &[]),
        (13, CustomerOrder, Create, false, &[]),
        (31, CustomerOrder, Create, false, &[]),
        (1, CustomerOrder, Update, false, &[]),
        (99, Product, Update, false, &[]),
    ];
    for (of, kind, action, mapped, expected) in cases {
        let notice = Notice::seen(account(*of), *kind, id(101), *action, Timestamp::UNIX_EPOCH);
        let marks = spread(&notice, &accounts, mapped.then_some(&down));
        let found: Vec<_> = marks.iter().map(|mark| (mark.target, mark.origin.account)).collect();
        let expected: Vec<_> = expected.iter().map(|(to, from)| (account(*to), account(*from))).collect();
        assert_eq!(found, expected, "{of} {kind} {action:?} {mapped}");
    }
    let deleted = Notice::seen(account(11), Product, id(101), Delete, Timestamp::UNIX_EPOCH);
    let mark = spread(&deleted, &accounts, Some(&down)).remove(0);
    assert_eq!((mark.origin, mark.groups), (down.origin, Groups::all()), "the main account's comes back, whole");
}

#[test]
fn a_notice_about_prices_marks_prices() {
    let accounts = [account_row(1, Role::Main, true), child_of(1, 11, &json!({}))];
    let mut notice = Notice::seen(account(1), EntityKind::Product, id(1), Action::Update, Timestamp::UNIX_EPOCH);
    notice.updated_fields = Some(vec!["salePrices".to_owned()]);
    assert_eq!(spread(&notice, &accounts, None)[0].groups, FieldGroup::Prices.into());
    notice.entity_type = "supply".to_owned();
    assert_eq!(spread(&notice, &accounts, None), []);
}

/// Some product, as a person may have left it.
fn any_product() -> impl Strategy<Value = Value> {
    let texts = proptest::option::of("[a-zж ;]{0,6}");
    let prices = proptest::collection::vec((0_i64..1_000_000, 0_usize..3, 21_u32..23), 0..3);
    (
        texts.clone(),
        texts.clone(),
        texts,
        prices,
        any::<bool>(),
        any::<bool>(),
        proptest::collection::vec("[0-9]{3}", 0..3),
    )
        .prop_map(|(article, code, colour, prices, archived, in_folder, codes)| {
            let mut seen = std::collections::BTreeSet::new();
            let prices: Vec<Value> = prices
                .into_iter()
                .filter(|(_, price_type, _)| seen.insert(*price_type))
                .map(|(value, price_type, currency)| price(&json!(value), [11, 12, 19][price_type], currency))
                .collect();
            let barcodes: Vec<Value> = codes.into_iter().map(|code| json!({"code128": code})).collect();
            let colour = colour.map(|colour| json!([{"id": id(31), "value": colour}])).unwrap_or(json!([]));
            product(&json!({
                "article": article, "code": code, "attributes": colour, "salePrices": prices, "archived": archived,
                "productFolder": if in_folder { reference("entity/productfolder", 51) } else { Value::Null },
                "barcodes": barcodes,
            }))
        })
}

/// Takes each step in an account in memory, until there is none.
fn carry_out(entity: &Value, world: &MemoryMoysklad, mapping: &mut Mapping) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut candidates = None;
    for _ in 0..10 {
        let there = mapping.counterpart.and_then(|id| world.entity(account(CHILD), EntityKind::Product, id));
        let case = Case { there, asked: true, candidates: candidates.clone(), ..of_product(entity.clone()) };
        let step = Case { mapping: mapping.clone(), ..case }.step();
        steps.push(step.clone());
        match step {
            Step::Search(_) => candidates = Some(world.all(account(CHILD), EntityKind::Product)),
            Step::Lose => *mapping = mapping.lost(),
            Step::Adopt(id) => *mapping = mapping.to(id),
            Step::Create(body) => {
                let id = world.made_by_hand(account(CHILD), EntityKind::Product, body);
                *mapping = mapping.to(id);
            }
            Step::Update(id, body) => world.changed_by_hand(account(CHILD), EntityKind::Product, id, body),
            Step::Nothing(_) => return steps,
            other => panic!("{other:?}"),
        }
    }
    panic!("it does not come to rest: {steps:?}")
}

proptest! {
    #[test]
    fn after_one_write_there_is_nothing_left_to_write(first in any_product(), then in any_product()) {
        let world = MemoryMoysklad::default();
        let mut mapping = mapping(EntityKind::Product, None);
        for entity in [&first, &then, &first] {
            let steps = carry_out(entity, &world, &mut mapping);
            prop_assert!(steps.iter().filter(|step| step.is_write()).count() <= 1, "{:?}", steps);
            let again = carry_out(entity, &world, &mut mapping);
            prop_assert_eq!(again.len(), 1, "{:?}", again);
        }
    }

    #[test]
    fn what_was_deleted_in_the_child_is_made_again_once(entity in any_product()) {
        prop_assume!(entity["archived"] == false);
        let world = MemoryMoysklad::default();
        let mut mapping = mapping(EntityKind::Product, None);
        carry_out(&entity, &world, &mut mapping);
        let before = mapping.counterpart.unwrap();
        world.deleted_by_hand(account(CHILD), EntityKind::Product, before);
        let steps = carry_out(&entity, &world, &mut mapping);
        prop_assert_eq!(steps.iter().filter(|step| step.is_write()).count(), 1);
        prop_assert_ne!(mapping.counterpart.unwrap(), before);
        prop_assert_eq!(world.all(account(CHILD), EntityKind::Product).len(), 1);
    }
}
