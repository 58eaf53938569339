//! The sources as they are compiled: every file parsed, what is only for tests left out, and what a path in one of them
//! leads to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;
use syn::{Attribute, Item, ItemMod, Signature, UseTree};

/// A crate's name and the path of a module in it.
pub(crate) type Module = (String, Vec<String>);

/// A file that is a module.
pub(crate) struct Source {
    pub(crate) module: Module,
    pub(crate) ast: syn::File,
    /// Every name that is said in it.
    pub(crate) words: BTreeSet<String>,
    /// What it calls things from elsewhere by, and where they are.
    uses: BTreeMap<String, Vec<String>>,
    /// What it takes everything of.
    globs: Vec<Vec<String>>,
    /// What it defines itself.
    pub(crate) items: BTreeSet<String>,
}

/// All of them.
pub(crate) struct Sources {
    pub(crate) all: Vec<Source>,
    modules: BTreeMap<Module, usize>,
}

/// Where a path leads: a file, and what is left to be found in it.
pub(crate) type Place = (usize, Vec<String>);

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Whether something is compiled for tests only.
pub(crate) fn of_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| {
                let told = list.tokens.to_string();
                told == "test" || told.contains("any (test") || told.contains("\"testing\"")
            })
    })
}

impl Sources {
    /// Those of the domain and of every function.
    pub(crate) fn read() -> Self {
        let mut files = vec![("gancho".to_owned(), root().join("shared/src"))];
        for entry in fs::read_dir(root().join("functions")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            files.push((name, path.join("src")));
        }
        let mut sources = Self { all: Vec::new(), modules: BTreeMap::new() };
        for (krate, dir) in files {
            let start = ["lib.rs", "main.rs"].map(|name| dir.join(name));
            for file in start.iter().filter(|file| file.exists()) {
                sources.take(&krate, Vec::new(), file, &dir);
            }
        }
        sources
    }

    /// A file, and the modules it declares.
    fn take(&mut self, krate: &str, path: Vec<String>, file: &Path, beneath: &Path) {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let ast = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let declared: Vec<ItemMod> = ast
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Mod(module) if module.content.is_none() && !of_tests(&module.attrs) => Some(module.clone()),
                _ => None,
            })
            .collect();
        let source = Source::of((krate.to_owned(), path.clone()), ast);
        // Where a crate is a library beside its binary, a path leads to the library, which is read first.
        let n = self.all.len();
        self.modules.entry(source.module.clone()).or_insert(n);
        self.all.push(source);
        for module in declared {
            let name = module.ident.to_string();
            let (flat, folder) = (beneath.join(format!("{name}.rs")), beneath.join(&name));
            let mut inner = path.clone();
            inner.push(name);
            if self.modules.contains_key(&(krate.to_owned(), inner.clone())) {
                continue;
            }
            let file = if flat.exists() { flat } else { folder.join("mod.rs") };
            self.take(krate, inner, &file, &folder);
        }
    }

    /// Where a path leads that stands in a file; none where it leads out of the house, or is a name of that file's own.
    pub(crate) fn lead(&self, from: usize, path: &[String]) -> Option<Place> {
        self.lead_on(from, path, 0)
    }

    fn lead_on(&self, from: usize, path: &[String], depth: usize) -> Option<Place> {
        if depth > 12 {
            return None;
        }
        let source = &self.all[from];
        let (krate, here) = &source.module;
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.descend(krate, Vec::new(), rest, depth),
            "gancho" if krate != "gancho" => self.descend("gancho", Vec::new(), rest, depth),
            "self" => self.descend(krate, here.clone(), rest, depth),
            "super" => self.descend(krate, here[..here.len().checked_sub(1)?].to_vec(), rest, depth),
            name => {
                if let Some(target) = source.uses.get(name) {
                    let mut whole = target.clone();
                    whole.extend(rest.iter().cloned());
                    return if whole == path { None } else { self.lead_on(from, &whole, depth + 1) };
                }
                let mut child = here.clone();
                child.push(name.to_owned());
                if self.modules.contains_key(&(krate.clone(), child.clone())) {
                    return self.descend(krate, child, rest, depth);
                }
                None
            }
        }
    }

    fn descend(&self, krate: &str, mut at: Vec<String>, rest: &[String], depth: usize) -> Option<Place> {
        let mut rest = rest;
        while let Some((next, after)) = rest.split_first() {
            if next == "super" {
                at.pop();
                rest = after;
                continue;
            }
            let mut deeper = at.clone();
            deeper.push(next.clone());
            if !self.modules.contains_key(&(krate.to_owned(), deeper.clone())) {
                break;
            }
            (at, rest) = (deeper, after);
        }
        let file = *self.modules.get(&(krate.to_owned(), at))?;
        let Some(name) = rest.first() else { return Some((file, Vec::new())) };
        let source = &self.all[file];
        if source.items.contains(name) {
            return Some((file, rest.to_vec()));
        }
        // Passed on under the same name, or with everything of a module.
        if source.uses.contains_key(name) {
            return self.lead_on(file, rest, depth + 1);
        }
        let passed_on = source.globs.iter().find_map(|glob| {
            let whole: Vec<String> = glob.iter().chain(rest).cloned().collect();
            self.lead_on(file, &whole, depth + 1).filter(|(to, _)| *to != file)
        });
        passed_on.or_else(|| Some((file, rest.to_vec())))
    }

    /// The files a file takes anything from.
    pub(crate) fn neighbours(&self, of: usize) -> BTreeSet<usize> {
        let source = &self.all[of];
        let paths = source.uses.values().chain(&source.globs);
        paths.filter_map(|path| self.lead(of, path)).map(|(to, _)| to).collect()
    }
}

impl Source {
    fn of(module: Module, ast: syn::File) -> Self {
        let mut source = Self {
            module,
            words: BTreeSet::new(),
            uses: BTreeMap::new(),
            globs: Vec::new(),
            items: BTreeSet::new(),
            ast,
        };
        let ast = std::mem::replace(&mut source.ast, syn::File { shebang: None, attrs: Vec::new(), items: Vec::new() });
        let mut said = Said::default();
        for item in ast.items.iter().filter(|item| !of_tests(attributes(item))) {
            said.visit_item(item);
            source.items.extend(name(item));
            if let Item::Use(item) = item {
                source.flatten(&item.tree, Vec::new());
            }
        }
        source.words = said.0;
        source.ast = ast;
        source
    }

    fn flatten(&mut self, tree: &UseTree, mut path: Vec<String>) {
        match tree {
            UseTree::Path(inner) => {
                path.push(inner.ident.to_string());
                self.flatten(&inner.tree, path);
            }
            UseTree::Name(leaf) if leaf.ident == "self" => {
                self.uses.insert(path.last().unwrap().clone(), path);
            }
            UseTree::Name(leaf) => {
                path.push(leaf.ident.to_string());
                self.uses.insert(leaf.ident.to_string(), path);
            }
            UseTree::Rename(leaf) => {
                if leaf.ident != "self" {
                    path.push(leaf.ident.to_string());
                }
                // `as _` brings a trait in without a name: it keeps its own.
                let name = if leaf.rename == "_" { leaf.ident.to_string() } else { leaf.rename.to_string() };
                self.uses.insert(name, path);
            }
            UseTree::Glob(_) => self.globs.push(path),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.flatten(tree, path.clone())),
        }
    }

    /// Whether it lies in this room of the domain.
    pub(crate) fn is_in(&self, room: &str) -> bool {
        self.module.0 == "gancho" && self.module.1.first().is_some_and(|first| first == room)
    }
}

pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        _ => &[],
    }
}

fn name(item: &Item) -> Option<String> {
    Some(match item {
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::Struct(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        Item::Const(item) => item.ident.to_string(),
        Item::Static(item) => item.ident.to_string(),
        _ => return None,
    })
}

/// Every name said, also among the words of a macro.
#[derive(Default)]
struct Said(BTreeSet<String>);

impl Said {
    fn tokens(&mut self, tokens: &TokenStream) {
        for token in tokens.clone() {
            match token {
                TokenTree::Ident(ident) => drop(self.0.insert(ident.to_string())),
                TokenTree::Group(group) => self.tokens(&group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Said {
    fn visit_ident(&mut self, ident: &'ast proc_macro2::Ident) {
        self.0.insert(ident.to_string());
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !of_tests(&module.attrs) {
            syn::visit::visit_item_mod(self, module);
        }
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        self.tokens(&called.tokens);
    }
}

/// The names of a function's parameters, without `self`.
pub(crate) fn parameters(signature: &Signature) -> Vec<String> {
    let typed = signature.inputs.iter().filter_map(|input| match input {
        syn::FnArg::Typed(typed) => Some(&typed.pat),
        syn::FnArg::Receiver(_) => None,
    });
    typed
        .map(|pattern| match &**pattern {
            syn::Pat::Ident(named) => named.ident.to_string(),
            _ => String::new(),
        })
        .collect()
}
