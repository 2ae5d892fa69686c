//! The name of a URL in metrics: few series, whatever ids are in it.

use synthetic_core::report::path_template;
use url::{Position, Url};

/// Returns the URL without query and user info, its path as `given` or with what looks like an id shown as `{id}`.
pub(crate) fn template(given: Option<&str>, url: &Url) -> String {
    let mut name = String::with_capacity(url.as_str().len());
    name.push_str(url.scheme());
    name.push_str("://");
    name.push_str(&url[Position::BeforeHost..Position::BeforePath]);
    match given {
        Some(path) => {
            if !path.starts_with('/') {
                name.push('/');
            }
            name + path
        }
        None => name + &path_template(url.path()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_an_id_is_not_in_the_name() {
        for (url, name) in [
            ("https://u:p@shop.example/orders?token=x#y", "https://shop.example/orders"),
            ("https://shop.example:8443/v1/orders/17/items", "https://shop.example:8443/v1/orders/{id}/items"),
            ("https://shop.example/orders/01890a5d-ac96-774b-bcce-b302099a8057", "https://shop.example/orders/{id}"),
            ("https://shop.example/orders/ord_01J9ZK3V8Q2", "https://shop.example/orders/{id}"),
            ("https://shop.example/api/v2/health-check", "https://shop.example/api/v2/health-check"),
            ("https://shop.example", "https://shop.example/"),
            ("http://[::1]:8080/a/", "http://[::1]:8080/a/"),
        ] {
            assert_eq!(template(None, &Url::parse(url).unwrap()), name);
        }
        let url = Url::parse("https://shop.example/users/ann").unwrap();
        assert_eq!(template(Some("/users/{name}"), &url), "https://shop.example/users/{name}");
        assert_eq!(template(Some("users/{name}"), &url), "https://shop.example/users/{name}");
    }
}
