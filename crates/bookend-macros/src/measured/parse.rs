//! Reads the syntax, and only that. Downstream: [`validate`](super::validate) says what of it makes sense.

use proc_macro2::{Span, TokenStream};
use syn::{
    AttrStyle, Attribute, Expr, Ident, Signature, Token, Visibility, braced,
    parse::{Parse, ParseStream, Parser as _},
    punctuated::Punctuated,
    token::Brace,
};

/// What stands in the parentheses of `#[measured(…)]`.
pub(super) struct Options {
    pub(super) entries: Vec<Entry>,
}

pub(super) enum Entry {
    /// `expr`
    Recorder(Expr),
    /// `name = expr`
    Named(Ident, Expr),
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let entries = Punctuated::<Entry, Token![,]>::parse_terminated(input)?;
        Ok(Self { entries: entries.into_iter().collect() })
    }
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let named = input.peek(Ident) && input.peek2(Token![=]) && !input.peek2(Token![==]);
        if !named {
            return input.parse().map(Self::Recorder);
        }
        let name = input.parse()?;
        input.parse::<Token![=]>()?;
        Ok(Self::Named(name, input.parse()?))
    }
}

/// A function whose body stays as it was written: the compiler reads it, and its errors stay where they belong.
pub(super) struct Function {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) signature: Signature,
    /// `None` where a trait only declares the function.
    pub(super) body: Option<(Brace, TokenStream)>,
}

impl Function {
    pub(super) fn parse(item: TokenStream) -> syn::Result<Self> {
        let refuse = |_| syn::Error::new(Span::call_site(), "`#[measured]` measures an `async fn`");
        Self::parse_function.parse2(item).map_err(refuse)
    }

    fn parse_function(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let signature = input.parse()?;
        let body = if input.peek(Token![;]) {
            input.parse::<Token![;]>()?;
            None
        } else {
            let content;
            let brace = braced!(content in input);
            let inner = content.call(Attribute::parse_inner)?;
            attributes
                .extend(inner.into_iter().map(|it| Attribute { style: AttrStyle::Outer, ..it }));
            Some((brace, content.parse()?))
        };
        Ok(Self { attributes, visibility, signature, body })
    }
}
