//! `bookend store …`: looks after the store of a server.

use crate::{
    cli::StoreCommand,
    exit::{CannotStart, Ending, print},
    parts::reset_store,
};

pub(crate) fn store(command: &StoreCommand) -> anyhow::Result<Ending> {
    let StoreCommand::Reset(args) = command;
    reset_store(&args.data).map_err(CannotStart::because)?;
    print(&format!("the store in {} is empty", args.data.display()));
    Ok(Ending::Exact)
}
