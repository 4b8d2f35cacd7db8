//! Writes the measured function. Upstream: [`validate`](super::validate).
//!
//! The body becomes an `async move` block: its `?` and `return` end the block, not the measuring. `move` keeps the
//! future small and asks no `Sync` of the arguments. What is named here is invisible to the body, by hygiene.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{
    Expr, ExprReference, Ident, ReturnType, Type, parse_quote, spanned::Spanned as _, token::And,
    visit_mut::VisitMut,
};

use super::validate::Measured;

impl Measured {
    pub(super) fn expand(self) -> TokenStream {
        let Self { recorder, before, outcome, attributes, visibility, signature, brace, body } =
            self;
        let recording = Ident::new("recording", Span::mixed_site());
        let output = Ident::new("output", Span::mixed_site());
        let recorder = reference(recorder);
        let returned = returned(&signature.output);
        let pin = returned.as_ref().map(pin);
        let outcome = match (outcome, returned) {
            (Some(tell), _) => quote! { ::bookend::__private::outcome_by(#tell, &#output) },
            (None, Some(_)) => probe(&output),
            (None, None) => quote! { ::bookend::recorder::Outcome::Ok },
        };
        // The block keeps the span of the body's braces: errors about its end are shown there.
        let block = quote_spanned! { brace.span.join() => async move { #pin #body } };
        quote! {
            #(#attributes)*
            #visibility #signature {
                let #recording = ::bookend::Recorder::start(#recorder, #before);
                let #output = #block.await;
                ::bookend::Recording::finish_as(#recording, #outcome);
                #output
            }
        }
    }
}

/// `&recorder`, with the span of `recorder`, so that a wrong type is shown there.
fn reference(recorder: Expr) -> TokenStream {
    let and_token = And(recorder.span());
    let expr = Box::new(recorder);
    ExprReference { attrs: Vec::new(), and_token, mutability: None, expr }.into_token_stream()
}

/// The type to write down for what the function returns; `None` for `!`, of which there is no value.
fn returned(output: &ReturnType) -> Option<Type> {
    let mut returned: Type = match output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, returned) if matches!(**returned, Type::Never(_)) => return None,
        ReturnType::Type(_, returned) => (**returned).clone(),
    };
    // `impl Trait` cannot be named in a body; the rest of the type can.
    ImplToInferred.visit_type_mut(&mut returned);
    Some(returned)
}

/// A branch never taken that gives the block the function's return type; `?` and inference need it.
fn pin(returned: &Type) -> TokenStream {
    let never = Ident::new("never", Span::mixed_site());
    quote! {
        #[allow(
            unreachable_code,
            clippy::diverging_sub_expression,
            clippy::empty_loop,
            clippy::let_unit_value,
            clippy::let_with_type_underscore,
            clippy::needless_return,
            clippy::unreachable,
            reason = "never taken: it gives the block its type"
        )]
        if false {
            let #never: #returned = loop {};
            return #never;
        }
    }
}

/// The outcome that the types show: `Failed` for an `Err`, else `Ok`.
fn probe(output: &Ident) -> TokenStream {
    quote! {{
        #[allow(unused_imports, reason = "a `Result` has the method without the trait")]
        use ::bookend::__private::AnyOutcome as _;
        ::bookend::__private::OutcomeOf(&#output).outcome()
    }}
}

struct ImplToInferred;

impl VisitMut for ImplToInferred {
    fn visit_type_mut(&mut self, found: &mut Type) {
        if matches!(found, Type::ImplTrait(_)) {
            *found = parse_quote!(_);
        } else {
            syn::visit_mut::visit_type_mut(self, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::parse::Function, *};

    fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
        let function = Function::parse(item).unwrap();
        Measured::new(syn::parse2(options).unwrap(), function).ok().unwrap().expand()
    }

    // Goal: the expansion can be read as code that a person would write, and is public API but for the outcome's probe.
    #[test]
    fn the_expansion_reads_like_code_by_hand() {
        let found = expand(
            quote! { self.recorder, before = text.len(), outcome = told },
            quote! {
                /// Kept.
                pub(crate) async fn f(&self, text: String) -> Result<Vec<impl Sized>, E> { #![kept] go(text).await? }
            },
        );
        let pin = pin(&parse_quote!(Result<Vec<_>, E>));
        let expected = quote! {
            /// Kept.
            #[kept]
            pub(crate) async fn f(&self, text: String) -> Result<Vec<impl Sized>, E> {
                let recording = ::bookend::Recorder::start(&self.recorder, text.len());
                let output = async move { #pin go(text).await? }.await;
                ::bookend::Recording::finish_as(recording, ::bookend::__private::outcome_by(told, &output));
                output
            }
        };
        assert_eq!(found.to_string(), expected.to_string());
    }

    // Goal: an expression of any precedence stays whole behind the `&`.
    #[test]
    fn the_recorder_may_be_any_expression() {
        let reference = |expr| reference(expr).to_string();
        assert_eq!(reference(parse_quote!(*a.b)), quote!(&*a.b).to_string());
        assert_eq!(reference(parse_quote!(a as B)), quote!(&(a as B)).to_string());
        assert_eq!(reference(parse_quote!(pick(a)?.b)), quote!(&pick(a)?.b).to_string());
    }
}
