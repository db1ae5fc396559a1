//! One file a command: parsed arguments in, calls to the layers below out.
