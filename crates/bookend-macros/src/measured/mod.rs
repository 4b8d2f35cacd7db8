//! `#[measured]`: parse → validate → expand.

mod parse;
mod validate;
mod expand;

use proc_macro2::TokenStream;
use quote::quote;

use self::{
    parse::{Function, Options},
    validate::Measured,
};

/// The measured function; or every error at once, and the item as it was, so that its callers raise none of their own.
pub(crate) fn attribute(options: TokenStream, item: TokenStream) -> TokenStream {
    let unchanged = item.clone();
    let measured =
        parse(options, item).and_then(|(options, function)| Measured::new(options, function));
    match measured {
        Ok(measured) => measured.expand(),
        Err(errors) => {
            let errors = errors.into_compile_error();
            quote! {
                #errors
                #[allow(unused_variables, reason = "what is measured is not read, as the error above says")]
                #unchanged
            }
        }
    }
}

fn parse(options: TokenStream, item: TokenStream) -> syn::Result<(Options, Function)> {
    let function = Function::parse(item);
    let options = syn::parse2::<Options>(options);
    match (options, function) {
        (Ok(options), Ok(function)) => Ok((options, function)),
        (Err(mut errors), Err(more)) => {
            errors.combine(more);
            Err(errors)
        }
        (Err(errors), _) | (_, Err(errors)) => Err(errors),
    }
}
