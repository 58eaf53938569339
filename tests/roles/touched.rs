//! What each function of the store does to which table: read from the calls of the SDK in it, and in those of the store
//! that it calls itself. The table of a helper is what its caller gives it.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::Visit;
use syn::{Expr, ExprMethodCall, Local, Pat};

use crate::reach::{AWS, Function, Graph, STORE, arguments};

/// The SDK's calls of tables, and the permission each asks for. A transaction is none itself: its items are.
const OF_TABLES: [(&str, &str); 7] = [
    ("batch_get_item", "BatchGetItem"),
    ("delete_item", "DeleteItem"),
    ("get_item", "GetItem"),
    ("put_item", "PutItem"),
    ("query", "Query"),
    ("scan", "Scan"),
    ("update_item", "UpdateItem"),
];
const TRANSACTION: &str = "transact_write_items";
/// The items of a transaction.
const OF_TRANSACTIONS: [(&str, &str); 4] =
    [("ConditionCheck", "ConditionCheckItem"), ("Delete", "DeleteItem"), ("Put", "PutItem"), ("Update", "UpdateItem")];
/// The SDK's calls of queues. A batch asks for the permission of the single call.
const OF_QUEUES: [(&str, &str); 4] = [
    ("delete_message_batch", "DeleteMessage"),
    ("get_queue_attributes", "GetQueueAttributes"),
    ("receive_message", "ReceiveMessage"),
    ("send_message_batch", "SendMessage"),
];

/// A table: named, or whatever is given for a parameter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    Named(String),
    Given(usize),
}

/// Something done to a table, or to an index of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Touch {
    pub(crate) action: &'static str,
    pub(crate) table: Table,
    pub(crate) index: bool,
}

/// What the functions of the store do.
#[derive(Default)]
pub(crate) struct Touched {
    pub(crate) tables: BTreeMap<usize, BTreeSet<Touch>>,
    pub(crate) queues: BTreeMap<usize, BTreeSet<&'static str>>,
}

/// A call of the store's own, and what it is given.
struct Own {
    name: String,
    given: Vec<Expr>,
}

impl Touched {
    pub(crate) fn by(graph: &Graph<'_>) -> Self {
        let mut touched = Self::default();
        let mut own = BTreeMap::new();
        let of_aws = |f: &Function| graph.sources.all[f.source].is_in(AWS) && f.owner.as_deref() == Some(STORE);
        let store: Vec<usize> = (0..graph.functions.len()).filter(|n| of_aws(&graph.functions[*n])).collect();
        for n in &store {
            let mut seen = Seen::of(&graph.functions[*n]);
            seen.visit_block(&graph.functions[*n].body);
            seen.apply_index();
            touched.tables.insert(*n, seen.touches);
            touched.queues.insert(*n, seen.queues);
            own.insert(*n, seen.own);
        }
        // Until nothing is added: what a helper does, its callers do.
        loop {
            let mut more = Vec::new();
            for n in &store {
                let called = graph.called_by(*n);
                for call in &own[n] {
                    for callee in called.iter().filter(|m| graph.functions[**m].name == call.name) {
                        more.extend(touched.passed_on(&graph.functions[*n], call, *callee).map(|touch| (*n, touch)));
                    }
                }
            }
            let added = more.into_iter().filter(|(n, touch)| touched.tables.get_mut(n).unwrap().insert(touch.clone()));
            if added.count() == 0 {
                break;
            }
        }
        touched
    }

    /// What a caller does by a call.
    fn passed_on(&self, caller: &Function, call: &Own, callee: usize) -> impl Iterator<Item = Touch> {
        let of_one = |touch: &Touch| -> Vec<Touch> {
            let tables = match &touch.table {
                Table::Named(_) => vec![touch.table.clone()],
                Table::Given(nth) => match call.given.get(*nth) {
                    Some(given) => tables(caller, given),
                    None => Vec::new(),
                },
            };
            tables.into_iter().map(|table| Touch { table, ..touch.clone() }).collect()
        };
        self.tables.get(&callee).into_iter().flatten().flat_map(of_one).collect::<Vec<_>>().into_iter()
    }
}

/// The tables an expression stands for.
fn tables(within: &Function, expression: &Expr) -> Vec<Table> {
    match expression {
        Expr::Reference(reference) => tables(within, &reference.expr),
        Expr::Field(field) => match (&*field.base, &field.member) {
            (Expr::Field(of), syn::Member::Named(name)) if matches!(&of.member, syn::Member::Named(n) if n == "tables") =>
            {
                vec![Table::Named(name.to_string())]
            }
            _ => not_understood(within),
        },
        Expr::Path(path) => {
            let name = path.path.require_ident().map(ToString::to_string).unwrap_or_default();
            if let Some(nth) = within.parameters.iter().position(|parameter| *parameter == name) {
                return vec![Table::Given(nth)];
            }
            let mut local = Locals { name, value: None };
            local.visit_block(&within.body);
            local.value.map_or_else(|| not_understood(within), |value| tables(within, &value))
        }
        // The store's own choice between the tables that hold persons.
        Expr::MethodCall(call) if call.method == "table" => {
            ["events", "parties"].map(|name| Table::Named(name.to_owned())).to_vec()
        }
        _ => not_understood(within),
    }
}

fn not_understood(within: &Function) -> Vec<Table> {
    panic!("{}: it is not understood which table this is", within.name)
}

/// What a name was bound to.
struct Locals {
    name: String,
    value: Option<Expr>,
}

impl<'ast> Visit<'ast> for Locals {
    fn visit_local(&mut self, local: &'ast Local) {
        if let (Pat::Ident(bound), Some(init)) = (&local.pat, &local.init)
            && bound.ident == self.name
        {
            self.value = Some((*init.expr).clone());
        }
        syn::visit::visit_local(self, local);
    }
}

/// What is seen in one function.
struct Seen<'a> {
    within: &'a Function,
    touches: BTreeSet<Touch>,
    queues: BTreeSet<&'static str>,
    own: Vec<Own>,
    of_index: bool,
}

impl<'a> Seen<'a> {
    fn of(within: &'a Function) -> Self {
        Self { within, touches: BTreeSet::new(), queues: BTreeSet::new(), own: Vec::new(), of_index: false }
    }

    /// A function that names an index asks nothing else of its table.
    fn apply_index(&mut self) {
        if self.of_index {
            let touches = std::mem::take(&mut self.touches);
            let of_index = |touch: Touch| Touch { index: matches!(touch.action, "Query" | "Scan"), ..touch };
            self.touches = touches.into_iter().map(of_index).collect();
        }
    }

    fn call(&mut self, action: &'static str, chain: &[&ExprMethodCall]) {
        let named = chain.iter().find(|call| call.method == "table_name" || call.method == "request_items");
        let Some(named) = named else {
            panic!("{}: {action} of no table", self.within.name);
        };
        for table in tables(self.within, &named.args[0]) {
            self.touches.insert(Touch { action, table, index: false });
        }
    }

    /// What a chain of calls begins with, and does.
    fn chain(&mut self, whole: &ExprMethodCall) {
        let mut chain = vec![whole];
        let mut base = &*whole.receiver;
        while let Expr::MethodCall(call) = base {
            chain.push(call);
            base = &call.receiver;
        }
        let begun = chain.last().expect("it has one").method.to_string();
        match base {
            Expr::Field(field) if matches!(&field.member, syn::Member::Named(name) if name == "db") => {
                match OF_TABLES.iter().find(|(name, _)| *name == begun) {
                    Some((_, action)) => self.call(action, &chain),
                    None => assert_eq!(begun, TRANSACTION, "{}: which permission is that?", self.within.name),
                }
            }
            Expr::Field(field) if matches!(&field.member, syn::Member::Named(name) if name == "sqs") => {
                let known = OF_QUEUES.iter().find(|(name, _)| *name == begun);
                let (_, action) = known.unwrap_or_else(|| panic!("{begun}: which permission is that?"));
                self.queues.insert(action);
            }
            Expr::Call(call) => {
                let path = match &*call.func {
                    Expr::Path(path) => path.path.segments.iter().map(|s| s.ident.to_string()).collect::<Vec<_>>(),
                    _ => Vec::new(),
                };
                if let [kind, builder] = path.as_slice()
                    && builder == "builder"
                    && let Some((_, action)) = OF_TRANSACTIONS.iter().find(|(name, _)| name == kind)
                {
                    self.call(action, &chain);
                }
            }
            Expr::Path(path) if path.path.is_ident("self") => {
                let first = chain.last().expect("it has one");
                self.own.push(Own { name: begun, given: first.args.iter().cloned().collect() });
            }
            _ => {}
        }
        self.of_index |= chain.iter().any(|call| call.method == "index_name");
    }
}

impl<'ast> Visit<'ast> for Seen<'_> {
    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.chain(call);
        // What the chain is made of has been seen; what it is given has not.
        let mut next = call;
        loop {
            next.args.iter().for_each(|argument| self.visit_expr(argument));
            match &*next.receiver {
                Expr::MethodCall(inner) => next = inner,
                other => return self.visit_expr(other),
            }
        }
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        for argument in arguments(&called.tokens) {
            self.visit_expr(&argument);
        }
    }
}
