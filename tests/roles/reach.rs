//! Which functions of the sources are reached from where. Types are not inferred: a method is looked for by its name and
//! the number of its arguments, among those of the store whose trait the calling file names, and of what the calling file
//! has from elsewhere, directly or not. So nothing that is called is missed; what is found too much is a right too many.

use std::cell::OnceCell;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proc_macro2::TokenStream;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::Visit;
use syn::{Block, Expr, ImplItem, Item, Token, TraitItem, Type};

use crate::sources::{Sources, attributes, of_tests, parameters};

/// What all tables and queues are behind.
pub(crate) const STORE: &str = "Store";
/// The room that makes calls to AWS.
pub(crate) const AWS: &str = "aws";

/// A function with a body.
pub(crate) struct Function {
    pub(crate) source: usize,
    /// The type or trait it belongs to.
    pub(crate) owner: Option<String>,
    /// The trait it is for, where it is an implementation's.
    pub(crate) of_trait: Option<String>,
    pub(crate) name: String,
    pub(crate) parameters: Vec<String>,
    pub(crate) body: Block,
    is_method: bool,
}

impl Function {
    fn is_stores(&self) -> bool {
        self.owner.as_deref() == Some(STORE)
    }
}

/// The functions, and who may call whom.
pub(crate) struct Graph<'a> {
    pub(crate) sources: &'a Sources,
    pub(crate) functions: Vec<Function>,
    by_name: BTreeMap<String, Vec<usize>>,
    /// The traits that stand for others: where they are defined, and what they name.
    above: BTreeMap<(usize, String), Vec<String>>,
    stores_traits: BTreeSet<String>,
    within_reach: Vec<OnceCell<BTreeSet<usize>>>,
    visible: Vec<OnceCell<BTreeSet<String>>>,
}

impl<'a> Graph<'a> {
    pub(crate) fn of(sources: &'a Sources) -> Self {
        let mut graph = Self {
            sources,
            functions: Vec::new(),
            by_name: BTreeMap::new(),
            above: BTreeMap::new(),
            stores_traits: BTreeSet::new(),
            within_reach: vec![OnceCell::new(); sources.all.len()],
            visible: vec![OnceCell::new(); sources.all.len()],
        };
        for (n, source) in sources.all.iter().enumerate() {
            graph.take(n, &source.ast.items);
        }
        for (n, function) in graph.functions.iter().enumerate() {
            graph.by_name.entry(function.name.clone()).or_default().push(n);
        }
        let of_store = graph.functions.iter().filter(|function| function.is_stores());
        graph.stores_traits = of_store.filter_map(|function| function.of_trait.clone()).collect();
        graph
    }

    fn take(&mut self, source: usize, items: &[Item]) {
        for item in items.iter().filter(|item| !of_tests(attributes(item))) {
            let plain = |signature: &syn::Signature, body: &Block| Function {
                source,
                owner: None,
                of_trait: None,
                name: signature.ident.to_string(),
                parameters: parameters(signature),
                body: body.clone(),
                is_method: signature.receiver().is_some(),
            };
            match item {
                Item::Fn(item) => self.functions.push(plain(&item.sig, &item.block)),
                Item::Impl(block) => {
                    let owner = type_name(&block.self_ty);
                    let of_trait = block.trait_.as_ref().map(|(_, path, _)| last(path));
                    for item in &block.items {
                        if let ImplItem::Fn(item) = item
                            && !of_tests(&item.attrs)
                        {
                            let (owner, of_trait) = (owner.clone(), of_trait.clone());
                            self.functions.push(Function { owner, of_trait, ..plain(&item.sig, &item.block) });
                        }
                    }
                }
                Item::Trait(item) => {
                    let name = item.ident.to_string();
                    let bounds = item.supertraits.iter().filter_map(|bound| match bound {
                        syn::TypeParamBound::Trait(bound) => Some(last(&bound.path)),
                        _ => None,
                    });
                    self.above.insert((source, name.clone()), bounds.collect());
                    for item in &item.items {
                        if let TraitItem::Fn(item) = item
                            && let Some(body) = &item.default
                        {
                            self.functions.push(Function { owner: Some(name.clone()), ..plain(&item.sig, body) });
                        }
                    }
                }
                Item::Mod(module) => {
                    if let Some((_, items)) = &module.content {
                        self.take(source, items);
                    }
                }
                _ => {}
            }
        }
    }

    /// Everything that may be called by what is in these files, each with what it was reached by first.
    pub(crate) fn reached_from(&self, files: impl Fn(usize) -> bool) -> BTreeMap<usize, Option<usize>> {
        let mut waiting: VecDeque<usize> = (0..self.functions.len())
            .filter(|n| files(self.functions[*n].source))
            // What the store does in a function's own file is done where it is asked for.
            .filter(|n| !self.functions[*n].is_stores())
            .collect();
        let mut reached: BTreeMap<usize, Option<usize>> = waiting.iter().map(|n| (*n, None)).collect();
        while let Some(next) = waiting.pop_front() {
            for called in self.called_by(next) {
                if let Entry::Vacant(new) = reached.entry(called) {
                    new.insert(Some(next));
                    waiting.push_back(called);
                }
            }
        }
        reached
    }

    /// The way to a function that was reached, for a reader.
    pub(crate) fn way_to(&self, n: usize, reached: &BTreeMap<usize, Option<usize>>) -> String {
        let function = &self.functions[n];
        let (krate, path) = &self.sources.all[function.source].module;
        let own = [krate.as_str()].into_iter().chain(path.iter().map(String::as_str)).collect::<Vec<_>>().join("::");
        let told = format!("{own}::{}", function.name);
        match reached.get(&n).copied().flatten() {
            Some(before) => format!("{} > {told}", self.way_to(before, reached)),
            None => told,
        }
    }

    /// What a function may call.
    pub(crate) fn called_by(&self, n: usize) -> BTreeSet<usize> {
        let function = &self.functions[n];
        let mut calls = Calls::default();
        calls.visit_block(&function.body);
        let by_path = calls.paths.iter().flat_map(|path| self.by_path(function, path));
        let by_name = calls.methods.iter().flat_map(|call| self.by_method(function, call));
        by_path.chain(by_name).collect()
    }

    fn named(&self, name: &str) -> impl Iterator<Item = (usize, &Function)> {
        self.by_name.get(name).into_iter().flatten().map(|n| (*n, &self.functions[*n]))
    }

    fn by_path(&self, from: &Function, path: &[String]) -> Vec<usize> {
        let (name, before) = path.split_last().expect("a path has a name");
        if let Some(kind) = before.last()
            && (kind == "Self" || kind.starts_with(char::is_uppercase))
        {
            let (kind, home) = match (kind.as_str(), &from.owner) {
                ("Self", Some(owner)) => (owner, Some(self.home(from))),
                _ => (kind, self.defined(from.source, before)),
            };
            let of_kind = |f: &Function| match f.of_trait.as_ref() {
                Some(of) if f.is_stores() && of == kind => true,
                _ => f.owner.as_ref() == Some(kind) && home.is_none_or(|home| home == self.home(f)),
            };
            return self.named(name).filter(|(_, f)| of_kind(f)).map(|(n, _)| n).collect();
        }
        let file = match self.sources.lead(from.source, path) {
            Some((file, _)) => file,
            None if before.is_empty() => from.source,
            None => return Vec::new(),
        };
        self.named(name).filter(|(_, f)| f.source == file && f.owner.is_none()).map(|(n, _)| n).collect()
    }

    fn by_method(&self, from: &Function, call: &MethodCall) -> Vec<usize> {
        let source = &self.sources.all[from.source];
        let fits = |callee: &Function| callee.is_method && callee.parameters.len() == call.n_arguments;
        let fits = self.named(&call.name).filter(|(_, callee)| fits(callee));
        if source.is_in(AWS) {
            // What is not the store's touches nothing there. Its own methods come before those of its traits.
            let visible = self.visible(from.source);
            let stores = fits.filter(|(_, callee)| call.on_store && callee.is_stores());
            let of_traits = |callee: &Function| callee.of_trait.as_ref().is_none_or(|of| visible.contains(of));
            let found: Vec<(usize, bool)> = stores
                .filter(|(_, callee)| of_traits(callee))
                .map(|(n, callee)| (n, callee.of_trait.is_none()))
                .collect();
            let own = found.iter().any(|(_, own)| *own);
            return found.into_iter().filter(|(_, its_own)| *its_own || !own).map(|(n, _)| n).collect();
        }
        let visible = self.visible(from.source);
        let near = self.within_reach(from.source);
        let may = |callee: &Function| match (&callee.of_trait, callee.is_stores()) {
            (Some(of), true) => visible.contains(of),
            (None, true) => source.words.contains(STORE),
            (_, false) => near.contains(&self.home(callee)),
        };
        fits.filter(|(_, callee)| may(callee)).map(|(n, _)| n).collect()
    }

    /// The file of the type or trait that a function belongs to; its own where that is nobody's here.
    fn home(&self, function: &Function) -> usize {
        let owner = function.owner.as_ref().map(std::slice::from_ref);
        owner.and_then(|owner| self.defined(function.source, owner)).unwrap_or(function.source)
    }

    /// The file in which what a path names is defined.
    fn defined(&self, from: usize, path: &[String]) -> Option<usize> {
        match path {
            [name] if self.sources.all[from].items.contains(name) => Some(from),
            _ => self.sources.lead(from, path).map(|(file, _)| file),
        }
    }

    /// The store's traits that a file names, also by a trait that stands for several.
    fn visible(&self, file: usize) -> &BTreeSet<String> {
        self.visible[file].get_or_init(|| self.seen_from(file))
    }

    fn seen_from(&self, file: usize) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut waiting: Vec<(usize, String)> =
            self.sources.all[file].words.iter().map(|word| (file, word.clone())).collect();
        let mut seen = BTreeSet::new();
        while let Some((at, word)) = waiting.pop() {
            if !seen.insert((at, word.clone())) {
                continue;
            }
            if self.stores_traits.contains(&word) {
                found.insert(word.clone());
            }
            let defined = match self.above.contains_key(&(at, word.clone())) {
                true => at,
                false => self.sources.lead(at, std::slice::from_ref(&word)).map_or(at, |(file, _)| file),
            };
            let above = self.above.get(&(defined, word)).into_iter().flatten();
            waiting.extend(above.map(|name| (defined, name.clone())));
        }
        found
    }

    /// The files that a file has anything from, directly or not.
    fn within_reach(&self, file: usize) -> &BTreeSet<usize> {
        self.within_reach[file].get_or_init(|| {
            let mut found = BTreeSet::from([file]);
            let mut waiting = vec![file];
            while let Some(next) = waiting.pop() {
                waiting.extend(self.sources.neighbours(next).into_iter().filter(|near| found.insert(*near)));
            }
            found
        })
    }
}

fn last(path: &syn::Path) -> String {
    path.segments.last().expect("a path has a name").ident.to_string()
}

fn type_name(of: &Type) -> Option<String> {
    match of {
        Type::Path(path) => Some(last(&path.path)),
        Type::Reference(reference) => type_name(&reference.elem),
        _ => None,
    }
}

/// What a body calls, or hands on to be called.
#[derive(Default)]
struct Calls {
    paths: Vec<Vec<String>>,
    methods: BTreeSet<MethodCall>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct MethodCall {
    name: String,
    n_arguments: usize,
    /// Whether it is called on what is called `self` or `store`.
    on_store: bool,
}

impl<'ast> Visit<'ast> for Calls {
    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let on_store = match &*call.receiver {
            Expr::Path(path) => path.path.is_ident("self") || path.path.is_ident("store"),
            _ => false,
        };
        self.methods.insert(MethodCall { name: call.method.to_string(), n_arguments: call.args.len(), on_store });
        syn::visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        self.paths.push(path.path.segments.iter().map(|segment| segment.ident.to_string()).collect());
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        for argument in arguments(&called.tokens) {
            self.visit_expr(&argument);
        }
    }
}

/// The arguments of a macro that takes expressions, such as `join!`. A log line's have names, and call nothing of the
/// store's; what is no list of expressions is none.
pub(crate) fn arguments(tokens: &TokenStream) -> Vec<Expr> {
    let list = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens.clone());
    list.map(|list| list.into_iter().collect()).unwrap_or_default()
}
