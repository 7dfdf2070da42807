//! Enums that know all of their variants, so that a test over all of them misses none that is added. It never changes what an
//! enum is.

/// An enum as it is written, with a function `all`. A variant may hold another such enum, and then stands for all of its.
macro_rules! listed {
    ($(#[$about:meta])* pub enum $name:ident { $($(#[$what:meta])* $variant:ident $(($inner:ident))?,)* }) => {
        $(#[$about])*
        pub enum $name { $($(#[$what])* $variant $(($inner))?,)* }

        impl $name {
            /// Every one there is.
            pub fn all() -> Vec<$name> {
                [$(listed!(@of $name $variant $($inner)?)),*].concat()
            }
        }
    };
    (@of $name:ident $variant:ident) => { vec![$name::$variant] };
    (@of $name:ident $variant:ident $inner:ident) => {
        $inner::all().into_iter().map($name::$variant).collect::<Vec<_>>()
    };
}
