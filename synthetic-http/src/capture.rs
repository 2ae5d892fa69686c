//! Texts that were found, read as values of a type: the groups of a regular expression, the elements of a page.

use std::fmt;

use serde::de::value::{MapDeserializer, StrDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

/// Texts in their order, some of them named, some of them not there.
pub(crate) struct Texts<'a> {
    texts: Vec<(Option<&'a str>, Option<&'a str>)>,
    /// A scalar is the first of several.
    first_counts: bool,
}

impl<'a> Texts<'a> {
    /// Returns what the groups of a pattern captured; what all of it matched, where it has no groups.
    pub(crate) fn captured(regex: &'a regex::Regex, text: &'a str) -> Option<Self> {
        let captures = regex.captures(text)?;
        let whole = usize::from(regex.captures_len() > 1);
        let groups = regex.capture_names().enumerate().skip(whole);
        let texts = groups.map(|(at, name)| (name, captures.get(at).map(|found| found.as_str()))).collect();
        Some(Self { texts, first_counts: false })
    }

    /// Returns the texts of elements.
    #[cfg(feature = "html")]
    pub(crate) fn of_elements(texts: impl Iterator<Item = &'a str>) -> Self {
        Self { texts: texts.map(|text| (None, Some(text))).collect(), first_counts: true }
    }

    /// Reads them: a scalar from the only one, a tuple or a list from all, a struct or a map from the named ones.
    pub(crate) fn read<T: DeserializeOwned>(self) -> Result<T, String> {
        T::deserialize(self).map_err(|error| error.0)
    }

    fn only(&self) -> Result<Text<'a>, Unread> {
        match self.texts.as_slice() {
            [(_, text), ..] if self.first_counts => Ok(Text(*text)),
            [(_, text)] => Ok(Text(*text)),
            [] => Err(Unread("there is nothing to read".to_owned())),
            more => Err(Unread(format!("there are {} texts, and one is wanted: read a tuple of them", more.len()))),
        }
    }
}

/// Why a text is not of the type that is wanted.
#[derive(Debug)]
pub(crate) struct Unread(String);

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unread {}

impl serde::de::Error for Unread {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// One text, or none: a group that took no part in the match.
struct Text<'a>(Option<&'a str>);

impl<'a> Text<'a> {
    fn text(&self) -> Result<&'a str, Unread> {
        self.0.ok_or_else(|| Unread("a group took no part in the match: read it as an `Option`".to_owned()))
    }
}

macro_rules! parsed {
    ($($deserialize:ident $visit:ident $kind:literal)*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
            let text = self.text()?;
            visitor.$visit(text.parse().map_err(|_| Unread(format!("{text:?} is not {}", $kind)))?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Text<'_> {
    type Error = Unread;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        if self.0.is_some() { visitor.visit_some(self) } else { visitor.visit_none() }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        StrDeserializer::new(self.text()?).deserialize_enum(name, variants, visitor)
    }

    parsed! {
        deserialize_bool visit_bool "true or false"
        deserialize_i8 visit_i8 "a whole number of 8 bits"
        deserialize_i16 visit_i16 "a whole number of 16 bits"
        deserialize_i32 visit_i32 "a whole number of 32 bits"
        deserialize_i64 visit_i64 "a whole number of 64 bits"
        deserialize_i128 visit_i128 "a whole number of 128 bits"
        deserialize_u8 visit_u8 "a whole number from 0 to 255"
        deserialize_u16 visit_u16 "a whole number from 0 to 65535"
        deserialize_u32 visit_u32 "a whole number of 32 bits without a sign"
        deserialize_u64 visit_u64 "a whole number of 64 bits without a sign"
        deserialize_u128 visit_u128 "a whole number of 128 bits without a sign"
        deserialize_f32 visit_f32 "a number"
        deserialize_f64 visit_f64 "a number"
        deserialize_char visit_char "one character"
    }

    forward_to_deserialize_any! {
        str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Unread> for Text<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! only_one {
    ($($deserialize:ident)*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
            self.only()?.$deserialize(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Texts<'_> {
    type Error = Unread;

    only_one! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64
        deserialize_char deserialize_option
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Unread> {
        self.only()?.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_seq(InOrder(self.texts.into_iter()))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Unread> {
        if self.texts.len() != length {
            return Err(Unread::custom(format_args!("there are {} texts, and {length} are wanted", self.texts.len())));
        }
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Unread> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        // A group that took no part is left out, so that an `Option` is `None` and a default holds.
        let named = self.texts.into_iter().filter_map(|(name, text)| Some((name?, Text(Some(text?)))));
        visitor.visit_map(MapDeserializer::new(named))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        self.deserialize_map(visitor)
    }

    forward_to_deserialize_any! { str string bytes byte_buf unit unit_struct identifier ignored_any }
}

struct InOrder<'a>(std::vec::IntoIter<(Option<&'a str>, Option<&'a str>)>);

impl<'de> SeqAccess<'de> for InOrder<'_> {
    type Error = Unread;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Unread> {
        self.0.next().map(|(_, text)| seed.deserialize(Text(text))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use regex::Regex;
    use serde::Deserialize;

    use super::*;

    const TEXT: &str = "order o-7 of 42 pieces is shipped";

    #[track_caller]
    fn check<T: DeserializeOwned + Debug + PartialEq>(pattern: &str, wanted: Result<T, &str>) {
        let regex = Regex::new(pattern).unwrap();
        let read = Texts::captured(&regex, TEXT).unwrap().read::<T>();
        assert_eq!(read, wanted.map_err(str::to_owned), "{pattern}");
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Order {
        id: String,
        pieces: u32,
        note: Option<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Status {
        Shipped,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Id(String);

    #[test]
    fn one_group_is_a_scalar() {
        check(r"of (\d+)", Ok(42_u8));
        check(r"of (\d+)", Ok("42".to_owned()));
        check(r"of (\d+)", Ok(Some(42.0)));
        check(r"order (\S+)", Ok(Id("o-7".to_owned())));
        check(r"is (\w+)", Ok(Status::Shipped));
    }

    #[test]
    fn without_groups_the_whole_match_is_taken() {
        check(r"\d{2}", Ok(42_u64));
    }

    #[test]
    fn more_groups_are_a_tuple_a_list_or_a_struct() {
        check(r"order (\S+) of (\d+)", Ok(("o-7".to_owned(), 42_i16)));
        check(r"order (\S+) of (\d+)", Ok(vec!["o-7".to_owned(), "42".to_owned()]));
        let order = Order { id: "o-7".to_owned(), pieces: 42, note: None };
        check(r"order (?<id>\S+) of (?<pieces>\d+)(?<note>!)?", Ok(order));
    }

    #[test]
    fn a_group_that_took_no_part_is_none() {
        check(r"order (\S+) of (x)?", Ok(("o-7".to_owned(), None::<u8>)));
        check::<(String, u8)>(r"order (\S+) of (x)?", Err("a group took no part in the match: read it as an `Option`"));
    }

    #[test]
    fn what_does_not_fit_says_why() {
        check::<u8>(r"order (\S+)", Err(r#""o-7" is not a whole number from 0 to 255"#));
        check::<(String,)>(r"order (\S+) of (\d+)", Err("there are 2 texts, and 1 are wanted"));
        check::<String>(r"order (\S+) of (\d+)", Err("there are 2 texts, and one is wanted: read a tuple of them"));
        check::<Status>(r"order (\S+)", Err("unknown variant `o-7`, expected `shipped`"));
        check::<Order>(r"order (?<id>\S+)", Err("missing field `pieces`"));
    }
}
