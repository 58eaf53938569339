//! What docs/monitoring/ asks Prometheus and Grafana is a question about metrics that there are, with labels they have.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails its test")]

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};

use gancho::model::delivery::DeliveryStatus;
use promql_parser::label::{Labels, MatchOp};
use promql_parser::parser::token::{T_BOTTOMK, T_TOPK};
use promql_parser::parser::{self, AggregateExpr, Expr, LabelModifier, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::{Value, json};

/// What `GET /metrics` tells, and what each is told apart by.
const METRICS: [(&str, &[&str]); 6] = [
    ("webhook_deliveries_total", &["status", "event", "tenant"]),
    ("webhook_delivery_duration_seconds", &[]),
    ("webhook_retries_total", &["reason"]),
    ("webhook_delivery_http_status", &["code"]),
    ("webhook_events_received_total", &["provider", "result"]),
    ("webhook_events_refused_total", &["provider", "reason"]),
];
const HISTOGRAM: &str = "webhook_delivery_duration_seconds";
/// What Prometheus says of its own scrapes.
const UP: (&str, &[&str]) = ("up", &["job", "instance"]);
/// Grafana fills these in; any length of time will do to read the expression.
const SPANS: [(&str, &str); 2] = [("$__rate_interval", "5m"), ("$__range", "1h")];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/monitoring")
}

fn yaml(file: &str) -> Value {
    serde_yaml_ng::from_str(&fs::read_to_string(folder().join(file)).unwrap()).unwrap()
}

fn dashboard() -> Value {
    serde_json::from_str(&fs::read_to_string(folder().join("dashboard.json")).unwrap()).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

fn rules() -> Vec<Value> {
    list(&yaml("alerts.yml")["groups"]).iter().flat_map(|group| list(&group["rules"]).to_vec()).collect()
}

/// The labels of a series, if there is one of that name.
fn labels_of(series: &str) -> Option<Vec<&'static str>> {
    let of_histogram = |ending| series.strip_suffix(ending) == Some(HISTOGRAM);
    if of_histogram("_bucket") {
        return Some(vec!["le"]);
    }
    if of_histogram("_sum") || of_histogram("_count") {
        return Some(Vec::new());
    }
    let found = METRICS.into_iter().chain([UP]).find(|(name, _)| *name == series && *name != HISTOGRAM);
    found.map(|(_, labels)| labels.to_vec())
}

/// The name without what a histogram adds to it.
fn metric_of(series: &str) -> &str {
    ["_bucket", "_sum", "_count"].iter().find_map(|ending| series.strip_suffix(ending)).unwrap_or(series)
}

/// The labels that the result of an expression is told apart by; none for a number.
fn kept(expr: &Expr) -> Option<BTreeSet<String>> {
    let names = |labels: &Labels| BTreeSet::from_iter(labels.labels.iter().cloned());
    let of_series = |selector: &VectorSelector| {
        let labels = labels_of(selector.name.as_deref().unwrap_or_default()).unwrap_or_default();
        Some(labels.into_iter().map(str::to_owned).collect())
    };
    match expr {
        Expr::VectorSelector(selector) => of_series(selector),
        Expr::MatrixSelector(matrix) => of_series(&matrix.vs),
        Expr::Paren(paren) => kept(&paren.expr),
        Expr::Unary(unary) => kept(&unary.expr),
        Expr::Subquery(subquery) => kept(&subquery.expr),
        Expr::Aggregate(aggregate) => match &aggregate.modifier {
            Some(LabelModifier::Include(labels)) => Some(names(labels)),
            Some(LabelModifier::Exclude(labels)) => Some(&kept(&aggregate.expr)? - &names(labels)),
            // These choose among series and leave them as they are.
            None if [T_TOPK, T_BOTTOMK].contains(&aggregate.op.id()) => kept(&aggregate.expr),
            None => Some(BTreeSet::new()),
        },
        Expr::Binary(binary) => match (kept(&binary.lhs), kept(&binary.rhs)) {
            (Some(left), Some(right)) => Some(&left & &right),
            (one, other) => one.or(other),
        },
        Expr::Call(call) => {
            let mut labels: BTreeSet<String> = call.args.args.iter().filter_map(|arg| kept(arg)).flatten().collect();
            if call.func.name == "histogram_quantile" {
                labels.remove("le");
            }
            Some(labels)
        }
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => None,
    }
}

/// What an expression asks for.
#[derive(Default)]
struct Asked {
    series: BTreeSet<String>,
    labels: BTreeSet<String>,
    troubles: Vec<String>,
}

impl Asked {
    fn of(expr: &Expr) -> Self {
        let mut asked = Self { labels: kept(expr).unwrap_or_default(), ..Self::default() };
        let Ok(_) = walk_expr(&mut asked, expr);
        asked
    }

    fn selector(&mut self, selector: &VectorSelector) {
        let name = selector.name.clone().unwrap_or_default();
        let Some(labels) = labels_of(&name) else {
            self.troubles.push(format!("there is no series `{name}`"));
            return;
        };
        for matcher in selector.matchers.matchers.iter().chain(selector.matchers.or_matchers.iter().flatten()) {
            if !labels.contains(&matcher.name.as_str()) {
                self.troubles.push(format!("{name} has no label `{}`", matcher.name));
            }
            let words = match &matcher.op {
                MatchOp::Equal | MatchOp::NotEqual => vec![matcher.value.as_str()],
                MatchOp::Re(_) | MatchOp::NotRe(_) => matcher.value.split('|').collect(),
            };
            let is_status = |word: &&str| serde_json::from_value::<DeliveryStatus>(json!(word)).is_ok();
            if matcher.name == "status" && !words.iter().all(is_status) {
                self.troubles.push(format!("not all of `{}` are a delivery's statuses", matcher.value));
            }
        }
        self.series.insert(name);
    }

    /// Labels that are kept or matched on, of these operands.
    fn modifier(&mut self, modifier: Option<&LabelModifier>, operands: &[&Expr]) {
        let Some(modifier) = modifier else { return };
        for operand in operands {
            let has = kept(operand).unwrap_or_default();
            for label in modifier.labels().labels.iter().filter(|label| !has.contains(*label)) {
                self.troubles.push(format!("`{operand}` has no label `{label}`"));
            }
        }
    }
}

impl ExprVisitor for Asked {
    type Error = Infallible;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Infallible> {
        match expr {
            Expr::VectorSelector(selector) => self.selector(selector),
            Expr::MatrixSelector(matrix) => self.selector(&matrix.vs),
            Expr::Aggregate(AggregateExpr { expr, modifier, .. }) => self.modifier(modifier.as_ref(), &[expr]),
            Expr::Binary(binary) => {
                let matching = binary.modifier.as_ref().and_then(|modifier| modifier.matching.as_ref());
                self.modifier(matching, &[&binary.lhs, &binary.rhs]);
            }
            Expr::Unary(_)
            | Expr::Paren(_)
            | Expr::Subquery(_)
            | Expr::NumberLiteral(_)
            | Expr::StringLiteral(_)
            | Expr::Call(_)
            | Expr::Extension(_) => {}
        }
        Ok(true)
    }
}

/// Reads an expression, with what Grafana would have filled in; what it asks for.
fn asked(expression: &str) -> Asked {
    let filled = SPANS.iter().fold(expression.to_owned(), |expr, (name, span)| expr.replace(name, span));
    // Of a variable in a matcher any word may be the value.
    let filled = filled.replace("\"$tenant\"", "\".*\"").replace("\"$event\"", "\".*\"");
    assert!(!filled.contains('$'), "{expression}: a variable that nobody fills in");
    Asked::of(&parser::parse(&filled).unwrap_or_else(|error| panic!("{expression}: {error}")))
}

/// The names between the braces of a template: `{{status}}`, `{{ $labels.event }}`.
fn placeholders(template: &str) -> impl Iterator<Item = &str> {
    template.split("{{").skip(1).map(|rest| rest.split_once("}}").unwrap().0.trim())
}

#[test]
fn an_expression_is_asked_for_what_it_means() {
    let troubles = |expression| asked(expression).troubles.join("; ");
    assert_eq!(troubles("sum by (le) (rate(webhook_delivery_duration_seconds_bucket[5m]))"), "");
    assert_eq!(troubles("rate(webhook_delivery_duration_seconds[5m])").matches("no series").count(), 1);
    assert_eq!(troubles("webhook_deliveries"), "there is no series `webhook_deliveries`");
    assert_eq!(troubles("webhook_retries_total{why='x'}"), "webhook_retries_total has no label `why`");
    assert!(troubles("webhook_deliveries_total{status=~'delivered|lost'}").contains("statuses"));
    assert!(troubles("sum by (tenant) (webhook_retries_total)").contains("has no label `tenant`"));
    assert!(troubles("webhook_retries_total / on (reason) webhook_delivery_http_status").contains("label `reason`"));

    let labels = |expression| Vec::from_iter(asked(expression).labels).join(" ");
    assert_eq!(labels("topk(3, sum by (tenant, event) (webhook_deliveries_total) * 60)"), "event tenant");
    assert_eq!(labels("sum(rate(webhook_deliveries_total[5m]))"), "");
    assert_eq!(labels("histogram_quantile(0.5, sum by (le) (webhook_delivery_duration_seconds_bucket))"), "");
    assert_eq!(labels("sum without (tenant) (webhook_deliveries_total)"), "event status");
}

#[test]
fn every_alert_asks_for_metrics_there_are() {
    for rule in rules() {
        let asked = asked(text(&rule["expr"]));
        assert!(asked.troubles.is_empty() && !asked.series.is_empty(), "{}: {:?}", rule["alert"], asked.troubles);
        for annotation in rule["annotations"].as_object().unwrap().values() {
            for label in placeholders(text(annotation)).filter_map(|name| name.strip_prefix("$labels.")) {
                assert!(asked.labels.contains(label), "{}: {label}", rule["alert"]);
            }
        }
    }
}

#[test]
fn every_alert_ends_in_an_anchor_of_the_runbook() {
    let runbook = fs::read_to_string(folder().join("../operations.md")).unwrap();
    let anchors: BTreeSet<String> = runbook
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-"))
        .collect();
    let mut names = BTreeSet::new();
    for rule in rules() {
        let (name, annotations) = (text(&rule["alert"]), &rule["annotations"]);
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        assert!(["warning", "critical"].contains(&text(&rule["labels"]["severity"])), "{name}");
        let link = text(&annotations["runbook_url"]);
        let anchor = link.strip_prefix("docs/operations.md#").unwrap_or_else(|| panic!("{name}: {link}"));
        assert!(anchors.contains(anchor), "{name}: there is no heading for #{anchor}");
        assert!(text(&annotations["description"]).ends_with(&format!(" See {link}")), "{name}");
        assert!(!text(&annotations["summary"]).is_empty(), "{name}");
    }
}

#[test]
fn every_alert_is_shown_to_go_off_and_to_keep_quiet() {
    let mut shown: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
    let file = yaml("alerts.test.yml");
    assert_eq!(file["rule_files"], json!(["alerts.yml"]));
    for case in list(&file["tests"]).iter().flat_map(|test| list(&test["alert_rule_test"])) {
        shown.entry(text(&case["alertname"]).to_owned()).or_default().insert(!list(&case["exp_alerts"]).is_empty());
    }
    let both = BTreeSet::from([true, false]);
    let expected = rules().iter().map(|rule| (text(&rule["alert"]).to_owned(), both.clone())).collect();
    assert_eq!(shown, expected);
}

#[test]
fn the_readme_lists_every_metric_and_every_alert() {
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().replace('`', "")).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = readme.lines().filter(|line| line.starts_with("| ")).map(cells).collect();
    let second = |first: &str| rows.iter().find(|row| row[1] == first).map(|row| row[2].clone());
    for (name, labels) in METRICS {
        let expected = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
        assert_eq!(second(name), Some(expected), "{name}");
    }
    let told: BTreeSet<&str> =
        rows.iter().map(|row| row[1].as_str()).filter(|name| name.starts_with("Gancho")).collect();
    let rules = rules();
    assert_eq!(told, rules.iter().map(|rule| text(&rule["alert"])).collect());
}

#[test]
fn the_example_scrapes_what_the_alerts_look_for() {
    let config = yaml("prometheus.yml");
    let job = &config["scrape_configs"][0];
    assert_eq!((&job["job_name"], &job["metrics_path"]), (&json!("gancho"), &json!("/metrics")));
    assert_eq!((&job["scheme"], &job["authorization"]["type"]), (&json!("https"), &json!("Bearer")));
    assert!(job["authorization"]["credentials"].is_null(), "a token belongs in a file of its own");
    assert!(!text(&job["authorization"]["credentials_file"]).is_empty());
    for file in list(&config["rule_files"]) {
        assert!(folder().join(text(file)).is_file(), "{file}");
    }
    let looked_for = format!("up{{job={}}}", job["job_name"]);
    assert!(rules().iter().any(|rule| text(&rule["expr"]).contains(&looked_for)), "{looked_for}");
}

#[test]
fn every_panel_asks_for_metrics_there_are_and_shows_labels_they_have() {
    let mut seen = BTreeSet::new();
    for panel in list(&dashboard()["panels"]) {
        let targets = list(&panel["targets"]);
        assert!(!targets.is_empty(), "{}", panel["title"]);
        let refs: BTreeSet<&str> = targets.iter().map(|target| text(&target["refId"])).collect();
        assert_eq!(refs.len(), targets.len(), "{}: a refId is there twice", panel["title"]);
        for target in targets {
            let asked = asked(text(&target["expr"]));
            assert!(asked.troubles.is_empty() && !asked.series.is_empty(), "{}: {:?}", panel["title"], asked.troubles);
            let legend = text(&target["legendFormat"]);
            for label in placeholders(legend) {
                assert!(asked.labels.contains(label), "{}: {label}", panel["title"]);
            }
            seen.extend(asked.series.iter().map(|series| metric_of(series).to_owned()));
        }
    }
    assert_eq!(seen, METRICS.map(|(name, _)| name.to_owned()).into(), "what is measured is shown");
}

#[test]
fn every_panel_reads_from_the_source_that_was_chosen() {
    let dashboard = dashboard();
    let variables = list(&dashboard["templating"]["list"]);
    let names: Vec<&str> = variables.iter().map(|variable| text(&variable["name"])).collect();
    assert_eq!(names, ["datasource", "tenant", "event"]);
    assert_eq!((&variables[0]["type"], &variables[0]["query"]), (&json!("datasource"), &json!("prometheus")));
    let chosen = json!({"type": "prometheus", "uid": "${datasource}"});
    for variable in &variables[1..] {
        assert_eq!(variable["datasource"], chosen, "{}", variable["name"]);
        let query = text(&variable["query"]["query"]);
        let asked = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).unwrap();
        let (series, label) = asked.split_once(", ").unwrap();
        assert!(labels_of(series).unwrap().contains(&label) && variable["name"] == label, "{query}");
    }
    for panel in list(&dashboard["panels"]) {
        assert_eq!(panel["datasource"], chosen, "{}", panel["title"]);
        assert!(list(&panel["targets"]).iter().all(|target| target["datasource"] == chosen), "{}", panel["title"]);
        // A rate over less than a few scrapes shows nothing.
        assert_eq!(panel["interval"], "1m", "{}", panel["title"]);
    }
    assert_eq!(dashboard["id"], Value::Null, "an id is of one Grafana only");
}

#[test]
fn no_panel_covers_another() {
    const COLUMNS: u64 = 24;
    let dashboard = dashboard();
    let mut ids = BTreeSet::new();
    let mut taken = BTreeMap::new();
    for panel in list(&dashboard["panels"]) {
        let title = text(&panel["title"]);
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id is there twice");
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(w > 0 && h > 0 && x + w <= COLUMNS, "{title}");
        for place in (x..x + w).flat_map(|column| (y..y + h).map(move |row| (column, row))) {
            if let Some(other) = taken.insert(place, title) {
                panic!("{title} covers {other}");
            }
        }
    }
    let n_rows = taken.keys().map(|(_, row)| row + 1).max().unwrap();
    assert_eq!(taken.len() as u64, COLUMNS * n_rows, "there is a hole");
}
