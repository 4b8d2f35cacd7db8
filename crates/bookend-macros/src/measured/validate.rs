//! Says what is wrong, all at once, each error on the token it is about.
//!
//! Upstream: [`parse`](super::parse). Downstream: [`expand`](super::expand), which cannot fail.

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, Expr, Ident, Signature, Visibility, spanned::Spanned as _, token::Brace};

use super::parse::{Entry, Function, Options};

/// A function to measure, and all that is needed for it.
pub(super) struct Measured {
    pub(super) recorder: Expr,
    pub(super) before: Expr,
    pub(super) outcome: Option<Expr>,
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) signature: Signature,
    pub(super) brace: Brace,
    pub(super) body: TokenStream,
}

impl Measured {
    pub(super) fn new(options: Options, function: Function) -> syn::Result<Self> {
        let mut errors = Errors(None);
        let Function { attributes, visibility, signature, body } = function;
        if signature.asyncness.is_none() {
            errors.push(
                signature.fn_token.span,
                "`#[measured]` measures an `async fn`; in a plain `fn` write `let recording = recorder.start(before);` \
                 at its start and `recording.finish();` at its end",
            );
        }
        if body.is_none() {
            errors.push(
                signature.ident.span(),
                "there is no body to measure: put `#[measured]` on the implementation",
            );
        }
        let (recorder, before, outcome) = Self::options(options, &mut errors);
        errors.into_result()?;
        match (recorder, before, body) {
            (Some(recorder), Some(before), Some((brace, body))) => Ok(Self {
                recorder,
                before,
                outcome,
                attributes,
                visibility,
                signature,
                brace,
                body,
            }),
            _ => unreachable!("whatever is absent was reported above"),
        }
    }

    fn options(
        options: Options,
        errors: &mut Errors,
    ) -> (Option<Expr>, Option<Expr>, Option<Expr>) {
        let (mut recorder, mut before, mut outcome) = (None, None, None);
        for entry in options.entries {
            match entry {
                Entry::Recorder(expr) if recorder.is_none() => recorder = Some(expr),
                Entry::Recorder(expr) => errors.push(
                    expr.span(),
                    "the recorder is already named; what else may stand here is `before = …` and `outcome = …`",
                ),
                Entry::Named(name, expr) if name == "before" => {
                    errors.set_once(&mut before, &name, expr);
                }
                Entry::Named(name, expr) if name == "outcome" => {
                    errors.set_once(&mut outcome, &name, expr);
                }
                Entry::Named(name, _) => errors.push(
                    name.span(),
                    &format!("there is no option `{name}`; there are `before = …` and `outcome = …`"),
                ),
            }
        }
        if recorder.is_none() {
            errors.push(
                Span::call_site(),
                "which recorder? write `#[measured(recorder, before = …)]`",
            );
        }
        if before.is_none() {
            errors.push(
                Span::call_site(),
                "`before` is missing: write `#[measured(recorder, before = …)]`, with what the recorder is told when \
                 the task starts",
            );
        }
        (recorder, before, outcome)
    }
}

/// The errors so far; syn keeps a chain of them in one.
struct Errors(Option<syn::Error>);

impl Errors {
    fn push(&mut self, span: Span, message: &str) {
        let error = syn::Error::new(span, message);
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    fn set_once(&mut self, option: &mut Option<Expr>, name: &Ident, value: Expr) {
        if option.replace(value).is_some() {
            self.push(name.span(), &format!("`{name}` stands here twice"));
        }
    }

    fn into_result(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    /// All messages, in order.
    fn messages(options: TokenStream, item: TokenStream) -> Vec<String> {
        let options = syn::parse2(options).unwrap();
        let function = Function::parse(item).unwrap();
        let errors = Measured::new(options, function).err();
        errors.into_iter().flatten().map(|error| error.to_string()).collect()
    }

    // Goal: every wrong use has an error that names it. Method: a table of uses, each with how its errors begin.
    #[test]
    fn each_wrong_use_is_named() {
        let good = || quote! { async fn f() {} };
        let table = [
            (quote! {}, good(), vec!["which recorder?", "`before` is missing"]),
            (quote! { r }, good(), vec!["`before` is missing"]),
            (quote! { before = 1 }, good(), vec!["which recorder?"]),
            (quote! { r, before = 1, before = 2 }, good(), vec!["`before` stands here twice"]),
            (quote! { r, s, before = 1 }, good(), vec!["the recorder is already named"]),
            (
                quote! { r, befor = 1 },
                good(),
                vec!["there is no option `befor`", "`before` is missing"],
            ),
            (
                quote! { r, before = 1 },
                quote! { fn f() {} },
                vec!["`#[measured]` measures an `async fn`;"],
            ),
            (quote! { r, before = 1 }, quote! { async fn f(&self); }, vec!["there is no body"]),
            (
                quote! { r },
                quote! { fn f(); },
                vec!["`#[measured]`", "there is no body", "`before`"],
            ),
            (quote! { a == b, before = c == d }, good(), vec![]),
        ];
        for (options, item, expected) in table {
            let found = messages(options.clone(), item.clone());
            assert_eq!(found.len(), expected.len(), "{options} on {item}: {found:?}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(found.starts_with(expected), "{options} on {item}: {found}");
            }
        }
    }
}
