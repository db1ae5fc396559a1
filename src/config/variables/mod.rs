//! Variables: `${self:custom.table}`, `${opt:stage, 'dev'}`, `${file(./x.yml):key}`.

pub mod grammar;
