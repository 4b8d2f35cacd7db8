//! `bookend store …`: looks after the store of a server.

use crate::{
    cli::StoreCommand,
    exit::{CannotStart, Ending, print},
    parts::reset_store,
};

pub(crate) fn store(command: &StoreCommand) -> anyhow::Result<Ending> {
    let StoreCommand::Reset(args) = command;
    reset_store(&args.data).map_err(CannotStart::because)?;
    let folder = args.data.display();
    print(&format!(
        "the store in {folder} is empty; a server fills it from the beginning of what Kafka has"
    ));
    Ok(Ending::Exact)
}
