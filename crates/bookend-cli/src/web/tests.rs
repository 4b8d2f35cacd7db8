//! The page's routes, and what its files may not contain.

use std::{collections::BTreeSet, path::Path};

use axum::{
    body::{self, Body},
    http::{Request, Response, StatusCode, header},
};
use tower::ServiceExt;

use super::{ASSETS, router};

/// Far above any of the files: a limit only because reading a body asks for one.
const BODY_BYTES_MAX: usize = 1 << 20;

async fn request(method: &str, path: &str) -> Response<Body> {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    router::<()>().oneshot(request).await.unwrap()
}

fn header(response: &Response<Body>, name: header::HeaderName) -> &str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// Goal: a browser takes every file as what it is. Method: the type by the name's ending, for all of them.
#[tokio::test]
async fn every_file_is_served_with_its_type() {
    for asset in ASSETS {
        let expected = match asset.path.rsplit_once('.').map(|(_, ending)| ending) {
            None => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some(other) => panic!("no content type is known for .{other}"),
        };
        let response = request("GET", asset.path).await;
        assert_eq!(response.status(), StatusCode::OK, "{}", asset.path);
        assert_eq!(header(&response, header::CONTENT_TYPE), expected, "{}", asset.path);
        assert_eq!(header(&response, header::CACHE_CONTROL), "no-store", "{}", asset.path);
        assert!(
            header(&response, header::CONTENT_SECURITY_POLICY).starts_with("default-src 'self';")
        );
        let body = body::to_bytes(response.into_body(), BODY_BYTES_MAX).await.unwrap();
        assert_eq!(body, asset.body.as_bytes(), "{}", asset.path);
    }
}

/// Goal: what is not a file of the page is left to the app. Method: neighbors of real paths, and a wrong method.
#[tokio::test]
async fn other_paths_and_methods_are_not_ours() {
    for path in ["/index.html", "/assets/", "/assets/none.js", "/assets/../mod.rs", "/api/view"] {
        assert_eq!(request("GET", path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(request("POST", "/").await.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(request("HEAD", "/").await.status(), StatusCode::OK);
}

/// Goal: the page works offline. Method: no address with a scheme, but for the name of the SVG namespace.
#[test]
fn no_file_names_an_outside_address() {
    for asset in ASSETS {
        let inside = asset.body.replace("http://www.w3.org/2000/svg", "");
        for scheme in ["http://", "https://", "\"//", "'//", "(//"] {
            assert!(!inside.contains(scheme), "{} names an address with {scheme}", asset.path);
        }
    }
}

/// Goal: no file is forgotten and none is dead. Method: what pages, styles and scripts name = what is served
/// = what lies in the folder.
#[test]
fn files_named_served_and_present_are_the_same() {
    let served: BTreeSet<String> =
        ASSETS.iter().map(|asset| asset.path.replace("/assets/", "")).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/assets");
    let present: BTreeSet<String> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap().replace("index.html", "/"))
        .collect();
    let named: BTreeSet<String> = ASSETS
        .iter()
        .flat_map(|asset| {
            asset.body.split(['"', '\'']).filter_map(|word| {
                let name = word.strip_prefix("/assets/").or_else(|| word.strip_prefix("./"))?;
                Some(name.to_owned())
            })
        })
        .chain([String::from("/")])
        .collect();
    assert_eq!(served, present);
    assert_eq!(served, named);
}

/// Goal: user text is never read as markup. Method: none of the ways to do that stands in a script, and the
/// page has no inline script or style, which its policy would refuse.
#[test]
fn no_file_makes_markup_of_text() {
    for asset in ASSETS {
        for way in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            " style=\"",
            " onclick=",
        ] {
            assert!(!asset.body.contains(way), "{} uses {way}", asset.path);
        }
    }
}
