/// Makes a test of each of these functions with either database: `sqlite::name` and `postgres::name`.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $name() {
                $crate::ledger::tests::on($crate::ledger::tests::Backend::Sqlite, super::$name);
            })*
        }
        mod postgres {
            $(#[test]
            fn $name() {
                $crate::ledger::tests::on($crate::ledger::tests::Backend::Postgres, super::$name);
            })*
        }
    };
}
pub(in crate::ledger) use on_both;
