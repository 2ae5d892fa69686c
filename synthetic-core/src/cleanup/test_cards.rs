//! Card numbers that payment providers accept in their test modes: nobody is charged.

/// A card number that a payment provider accepts in its test mode, and nowhere else. In live mode it is declined.
///
/// Any date to come is its expiry date and any three digits (four for American Express) its security code, unless the
/// provider's page says otherwise. Providers may change them: `source` is where to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TestCard {
    /// Whose test mode accepts it.
    pub provider: &'static str,
    /// Its brand.
    pub brand: &'static str,
    /// Its number, digits only.
    pub number: &'static str,
    /// What the provider does with it.
    pub behaviour: Behaviour,
    /// The provider's page that lists it.
    pub source: &'static str,
}

/// What a payment provider does with a test card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Behaviour {
    /// The payment goes through.
    Approved,
    /// The payment is declined.
    Declined,
    /// The payment waits for the card holder (3-D Secure).
    Challenged,
}

const STRIPE: &str = "https://docs.stripe.com/testing";
const ADYEN: &str = "https://docs.adyen.com/development-resources/testing/test-card-numbers";
const BRAINTREE: &str = "https://developer.paypal.com/braintree/docs/reference/general/testing";
const SQUARE: &str = "https://developer.squareup.com/docs/devtools/sandbox/payments";

/// All cards, by provider.
///
/// # Examples
///
/// ```
/// use synthetic_core::cleanup::test_cards::{ALL, Behaviour};
///
/// let declined = ALL.iter().find(|card| card.provider == "Stripe" && card.behaviour == Behaviour::Declined).unwrap();
/// assert_eq!(declined.number, "4000000000000002");
/// ```
pub const ALL: [TestCard; 14] = [
    card("Stripe", "Visa", "4242424242424242", Behaviour::Approved, STRIPE),
    card("Stripe", "Mastercard", "5555555555554444", Behaviour::Approved, STRIPE),
    card("Stripe", "American Express", "378282246310005", Behaviour::Approved, STRIPE),
    card("Stripe", "Visa", "4000000000000002", Behaviour::Declined, STRIPE),
    card("Stripe", "Visa", "4000000000009995", Behaviour::Declined, STRIPE),
    card("Stripe", "Visa", "4000002760003184", Behaviour::Challenged, STRIPE),
    card("Adyen", "Visa", "4111111145551142", Behaviour::Approved, ADYEN),
    card("Adyen", "Mastercard", "5555341244441115", Behaviour::Approved, ADYEN),
    card("Braintree", "Visa", "4111111111111111", Behaviour::Approved, BRAINTREE),
    card("Braintree", "American Express", "378282246310005", Behaviour::Approved, BRAINTREE),
    card("Braintree", "JCB", "3530111333300000", Behaviour::Approved, BRAINTREE),
    card("Braintree", "Visa", "4000111111111115", Behaviour::Declined, BRAINTREE),
    card("Square", "Visa", "4111111111111111", Behaviour::Approved, SQUARE),
    card("Square", "Mastercard", "5105105105105100", Behaviour::Approved, SQUARE),
];

const fn card(
    provider: &'static str,
    brand: &'static str,
    number: &'static str,
    behaviour: Behaviour,
    source: &'static str,
) -> TestCard {
    TestCard { provider, brand, number, behaviour, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check digit of ISO/IEC 7812-1, annex B (Luhn).
    fn has_its_check_digit(number: &str) -> bool {
        let digits = number.bytes().rev().map(|digit| u32::from(digit - b'0')).enumerate();
        let sum: u32 =
            digits.map(|(at, digit)| if at % 2 == 0 { digit } else { digit * 2 / 10 + digit * 2 % 10 }).sum();
        sum.is_multiple_of(10)
    }

    #[test]
    fn every_number_is_one_that_a_form_accepts() {
        assert!(!has_its_check_digit("4242424242424241"));
        for card in ALL {
            assert!(card.number.bytes().all(|c| c.is_ascii_digit()), "{card:?}");
            assert!(has_its_check_digit(card.number), "{card:?}");
            assert!(card.source.starts_with("https://"), "{card:?}");
        }
    }
}
