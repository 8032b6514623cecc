//! Quoted text: found wherever it stands, and what was not looked at is said.

use std::fmt::Write;

use conexus_core::{Answer, Notice, Query};

use super::{GO_ON, Indexed};

/// More files than are read for one query, each of which holds the words of most of the quotes below.
const FILES: usize = 600;

fn many() -> String {
    let mut fixture = String::new();
    for file in 0..FILES {
        let _ = writeln!(
            fixture,
            "//- a{file:04}.py\ndef step_{file}(gamma, alpha, beta):\n    raise error(alpha, beta, gamma)\n"
        );
    }
    fixture
        + "//- z_upload.py\ndef upload(picture, server):\n    # send the picture to the server again after an error of the \
               network\n    return retry(network, picture, server, gamma.alpha(beta))\n"
}

fn first(answer: &Answer) -> &str {
    answer.hits.first().map_or("", |hit| &hit.path)
}

#[test]
fn a_quote_is_looked_for_where_the_query_fits_first() {
    let indexed = Indexed::of(&many());
    let view = indexed.snapshot();
    let search = |text: &str| view.search(&Query { limit: 300, ..Query::new(text) }, &GO_ON).unwrap();
    let question = "send a picture to the server again after an error of the network";
    assert_eq!(first(&search(question)), "z_upload.py");
    for (text, limited) in [
        // The word stands in more files than are read.
        (question.replace("error", "\"error\"").as_str(), true),
        ("\"an error of the network\"", false),
        ("picture \"gamma.alpha(beta)\"", true),
    ] {
        let answer = search(text);
        assert_eq!(first(&answer), "z_upload.py", "{text}");
        let chunks = view.index().live_chunks();
        let notice = Notice::QuoteLimited { read: 500, chunks };
        assert_eq!(answer.notices, if limited { vec![notice] } else { Vec::new() }, "{text}");
    }
}

#[test]
fn a_quote_may_begin_and_end_inside_words() {
    let indexed = Indexed::of(
        "//- inflate.c\nint inflate(void) {\n    msg = \"too many length or distance symbols\";\n    return bad;\n}\n\
         //- other.c\nint distance_of_symbols(void) {\n    return too_many(length);\n}\n\
         //- config.py\n# 解析配置文件并返回结果\ndef load(parseJsonFile):\n    return datei\n\
         //- db.py\n# データベースに接続する\ndef connect(db):\n    return db\n\
         //- third.py\ndef third():\n    return parse(json, file)\n",
    );
    let none = [Notice::QuoteNotFound { quotes: 1 }];
    let both = [Notice::QuoteNotFound { quotes: 2 }];
    for (text, path, notices) in [
        ("\"too many length or distance symb\"", "inflate.c", &[][..]),
        ("\"oo many length or distance symbols\"", "inflate.c", &[]),
        ("\"return dat\"", "config.py", &[]),
        ("\"eturn datei\"", "config.py", &[]),
        ("\"parseJsonFi\"", "config.py", &[]),
        ("\"seJsonFile)\"", "config.py", &[]),
        ("\"atei\"", "config.py", &[]),
        ("配置", "config.py", &[]),
        ("解析配置文件", "config.py", &[]),
        ("\"配置文件\"", "config.py", &[]),
        ("\"文\"", "config.py", &[]),
        ("データベース", "db.py", &[]),
        ("\"データベースに接続\"", "db.py", &[]),
        ("connect to a db \"length of distance symbols\"", "db.py", &none),
        ("connect to a db \"return bad\" \"return db\"", "db.py", &both),
    ] {
        let answer = indexed.snapshot().search(&Query::new(text), &GO_ON).unwrap();
        assert_eq!((first(&answer), answer.notices.as_slice()), (path, notices), "{text}");
    }
}
