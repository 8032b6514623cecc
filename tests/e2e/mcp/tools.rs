//! What each tool answers.

use conexus_engine::estimate_tokens;
use conexus_testkit::wait_for;
use serde_json::{Value, json};

use super::{
    DEADLINE,
    client::{Client, Pipes, Revision},
    notices, paths, serve, session,
};

/// The schema under which nothing is told that it does not name.
fn closed(schema: &Value) -> Value {
    let mut closed = schema.clone();
    let names: Vec<String> = schema["required"].as_array().into_iter().flatten().map(text).collect();
    if let Some(properties) = closed["properties"].as_object_mut() {
        properties.values_mut().filter(|property| property["items"].is_object()).for_each(|list| {
            list["items"] = self::closed(&list["items"]);
        });
        for name in names {
            properties.entry(name).or_insert(json!({}));
        }
        closed["additionalProperties"] = json!(false);
    }
    closed
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// Demands that an answer is what its tool declares.
fn check(structured: &Value, schema: &Value, tool: &str) {
    let schema = jsonschema::validator_for(&closed(schema)).expect("a schema");
    let wrong: Vec<String> = schema.iter_errors(structured).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{tool}: {wrong:#?} in {structured:#}");
}

/// The same of a whole answer, and that neither of its forms costs more than the budget.
pub(super) fn check_answer(result: &Value, declared: &Value, arguments: &Value) {
    let tool = declared["name"].as_str().expect("a name");
    assert_ne!(result["isError"], true, "{tool} {arguments}: {result:#}");
    let structured = &result["structuredContent"];
    check(structured, &declared["outputSchema"], tool);
    let budget = arguments["max_tokens"].as_u64().unwrap_or(4_000) as usize;
    for form in [result["content"][0]["text"].as_str().expect("text"), &structured.to_string()] {
        let cost = estimate_tokens(form);
        assert!(cost <= budget, "{tool} {arguments}: {cost} {form}");
    }
}

#[test]
fn answers_are_what_the_tools_declare_and_keep_the_budget() {
    let session = session();
    let (_server, mut client) = serve(&session, Revision::New);
    let listed = client.result("tools/list", &json!({}));
    let tools = listed["tools"].as_array().expect("tools");
    let mut untried: Vec<String> = tools.iter().map(|tool| text(&tool["name"])).collect();
    let long: Vec<String> = (0..400).map(|line| format!("pub fn queue_{line}() {{}}\n")).collect();
    let long = long.concat();
    session.workspace.write("src/long.rs", long);
    let next = client.tool("context_index_control", &json!({ "action": "status" }))["generation"].as_u64();
    client.tool("context_index_control", &json!({ "action": "start" }));
    let arguments = json!({ "query": "queue", "min_generation": next.map(|next| next + 1), "wait_ms": 10_000 });
    client.tool("context_search", &arguments);
    for (tool, arguments, is_cut) in [
        ("context_search", json!({ "query": "queue", "limit": 100, "max_tokens": 300 }), true),
        ("context_read", json!({ "file_path": "src/long.rs", "max_tokens": 300 }), true),
        ("context_grep", json!({ "pattern": "queue", "limit": 1000, "max_tokens": 300 }), true),
        ("context_get_related_info", json!({ "symbol": "retry_failed_request", "max_tokens": 300 }), true),
        ("context_explain", json!({ "symbol": "retry_failed_request" }), false),
        ("context_check", json!({ "paths": ["src"], "rules": ["undocumented-public"], "max_tokens": 700 }), true),
        ("context_check", json!({ "paths": ["docs/guide.md"] }), false),
        ("context_index_control", json!({ "action": "status" }), false),
        ("context_index_control", json!({ "action": "verify" }), false),
        ("context_connector_management", json!({ "action": "list" }), false),
    ] {
        let declared = tools.iter().find(|known| known["name"] == tool).expect("it is listed");
        untried.retain(|name| name != tool);
        let result = client.result("tools/call", &json!({ "name": tool, "arguments": arguments }));
        check_answer(&result, declared, &arguments);
        let structured = &result["structuredContent"];
        assert_eq!(structured["truncated"], is_cut, "{tool}: {structured:#}");
        assert_eq!(structured["cursor"].is_string(), is_cut, "{tool}: {structured:#}");
    }
    assert_eq!(untried, [""; 0], "each tool is tried");
    // Cursors lead through all of it, each line once.
    let mut lines = String::new();
    let mut cursor = Value::Null;
    loop {
        let arguments = json!({ "file_path": "src/long.rs", "max_tokens": 1_000, "cursor": cursor });
        let page = client.tool("context_read", &arguments);
        lines.push_str(page["text"].as_str().expect("text"));
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(lines.as_bytes(), session.workspace.read("src/long.rs"));
    let mut matches = 0;
    let mut cursor = Value::Null;
    loop {
        let arguments = json!({ "pattern": "pub fn queue_", "max_tokens": 2_000, "limit": 70, "cursor": cursor });
        let page = client.tool("context_grep", &arguments);
        for found in page["matches"].as_array().expect("matches") {
            matches += 1;
            assert_eq!(found["line"], matches, "{found}");
        }
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(matches, 400);
    let whole = client.tool("context_get_related_info", &json!({ "symbol": "retry_failed_request" }));
    assert_eq!(whole["cursor"], Value::Null, "{whole:#}");
    let first =
        client.tool("context_get_related_info", &json!({ "symbol": "retry_failed_request", "max_tokens": 300 }));
    let arguments = json!({ "symbol": "retry_failed_request", "cursor": first["cursor"] });
    let rest = client.tool("context_get_related_info", &arguments);
    let list = |answer: &Value| answer["related"].as_array().expect("a list").clone();
    assert_eq!([list(&first), list(&rest)].concat(), list(&whole));
}

/// Whatever a tool is asked, neither form of its answer costs more than the budget, and what is left out is said.
#[test]
fn every_tool_keeps_every_budget() {
    let session = session();
    let long: Vec<String> = (0..400)
        .map(|number| {
            format!(
                "/// Part {number} of a queue.\npub fn queue_{number}() {{\n    retry_failed_request({number});\n}}\n"
            )
        })
        .collect();
    session.workspace.write("src/long.rs", long.concat());
    session.workspace.write("docs/wide.txt", "retry ".repeat(3_000));
    // A heading is the name of its section, and stands before the names of those below it.
    let heading = "about the leaky bucket of tokens ".repeat(60);
    session.workspace.write("docs/heading.md", format!("# {heading}\n\nOne.\n\n## And {heading}\n\nTwo.\n"));
    let (_server, mut client) = serve(&session, Revision::New);
    let listed = client.result("tools/list", &json!({}));
    let tools = listed["tools"].as_array().expect("tools");
    let mut untried: Vec<String> = tools.iter().map(|tool| text(&tool["name"])).collect();
    for (tool, arguments) in [
        ("context_search", json!({ "query": "queue", "limit": 100 })),
        ("context_search", json!({ "query": "nothing of the kind zzyzx", "mode": "keyword" })),
        ("context_read", json!({ "file_path": "src/long.rs" })),
        ("context_read", json!({ "file_path": "docs/wide.txt" })),
        ("context_read", json!({ "symbol": "retry_failed_request" })),
        ("context_search", json!({ "query": "leaky bucket" })),
        ("context_read", json!({ "file_path": "docs/heading.md" })),
        ("context_explain", json!({ "file_path": "docs/heading.md", "line": 5 })),
        ("context_get_related_info", json!({ "file_path": "docs/heading.md", "line": 5 })),
        ("context_grep", json!({ "pattern": "queue", "limit": 1_000 })),
        ("context_grep", json!({ "pattern": "retry retry" })),
        ("context_get_related_info", json!({ "symbol": "retry_failed_request", "limit": 50 })),
        ("context_get_related_info", json!({ "file_path": "src/long.rs", "limit": 50 })),
        ("context_get_related_info", json!({ "ticket_id": "QUE-12" })),
        ("context_explain", json!({ "symbol": "retry_failed_request" })),
        ("context_explain", json!({ "file_path": "src/long.rs" })),
        ("context_check", json!({ "paths": ["."], "limit": 500 })),
        ("context_index_control", json!({ "action": "status" })),
        ("context_connector_management", json!({ "action": "list" })),
    ] {
        let declared = tools.iter().find(|known| known["name"] == tool).expect("it is listed");
        untried.retain(|name| name != tool);
        for budget in [200, 500, 2_000] {
            let mut arguments = arguments.clone();
            arguments["max_tokens"] = json!(budget);
            let result = client.result("tools/call", &json!({ "name": tool, "arguments": arguments }));
            check_answer(&result, declared, &arguments);
            let structured = &result["structuredContent"];
            let is_cut = structured["truncated"] == true;
            let kinds = notices(structured);
            let said = structured["cursor"].is_string() || kinds.contains(&"limited") || kinds.contains(&"line_cut");
            assert!(!is_cut || said, "{tool} {arguments}: {structured:#}");
            assert!(is_cut || structured.get("left_out").is_none(), "{tool} {arguments}: {structured:#}");
        }
        assert_eq!(declared["inputSchema"]["properties"]["max_tokens"]["type"], "integer", "{tool}");
    }
    assert_eq!(untried, [""; 0], "each tool is tried");
}

/// A path is never cut, whatever it costs; everything else keeps the budget.
#[test]
fn a_path_alone_may_cost_more_than_the_budget() {
    let session = session();
    let path = format!("{}deep.rs", format!("{}/", "deep_".repeat(40)).repeat(8));
    session.workspace.write(&path, "pub fn deepest() {}\n");
    let (_server, mut client) = serve(&session, Revision::New);
    for (tool, arguments) in [
        ("context_read", json!({ "symbol": "deepest" })),
        ("context_explain", json!({ "symbol": "deepest" })),
        ("context_get_related_info", json!({ "symbol": "deepest" })),
    ] {
        let mut arguments = arguments;
        arguments["max_tokens"] = json!(200);
        let result = client.result("tools/call", &json!({ "name": tool, "arguments": arguments }));
        for form in [result["content"][0]["text"].as_str().expect("text"), &result["structuredContent"].to_string()] {
            assert!(estimate_tokens(&form.replace(&path, "")) <= 200, "{tool}: {form}");
        }
    }
    let read = client.tool("context_read", &json!({ "symbol": "deepest" }));
    assert_eq!((&read["path"], &read["text"]), (&json!(path), &json!("pub fn deepest() {}\n")), "{read:#}");
}

/// The pages of a search are the same hits in the same order whatever their size, and none comes twice: also far behind
/// what is looked at for the first page.
#[test]
fn the_pages_of_a_search_are_one_answer() {
    let session = session();
    for number in 0..640 {
        let filling = "// and rests for a while\n".repeat(number % 7);
        let text = format!("/// Drains part {number} of the queue.\n{filling}pub fn drain_{number}() {{}}\n");
        session.workspace.write(&format!("src/parts/drain_{number}.rs"), text);
    }
    let (_server, mut client) = serve(&session, Revision::New);
    let places = |answer: &Value| -> Vec<Value> {
        let hits = answer["hits"].as_array().expect("hits").iter();
        hits.map(|hit| json!([hit["path"], hit["start_line"], hit["name"]])).collect()
    };
    for query in ["drain the queue", "drain_7"] {
        let mut pages = |limit: usize, budget: usize| {
            let mut pages = Vec::new();
            let mut cursor = Value::Null;
            loop {
                let arguments = json!({ "query": query, "limit": limit, "max_tokens": budget, "cursor": cursor });
                let page = client.tool("context_search", &arguments);
                assert!(!places(&page).is_empty(), "{query} {limit} {budget}: {page:#}");
                pages.push(places(&page));
                cursor = page["cursor"].clone();
                if cursor.is_null() {
                    return pages;
                }
            }
        };
        let whole = pages(100, 50_000).concat();
        assert!(whole.len() > 600, "{query}: {}", whole.len());
        let different: std::collections::HashSet<String> = whole.iter().map(Value::to_string).collect();
        assert_eq!(different.len(), whole.len(), "{query}");
        // By the limit, by the budget, and by whichever comes first.
        for (limit, budget) in [(30, 50_000), (100, 2_000), (15, 700)] {
            assert_eq!(pages(limit, budget).concat(), whole, "{query} {limit} {budget}");
        }
    }
}

/// What is cut where no cursor leads on is told by its name, and what tells the rest.
#[test]
fn relations_that_are_cut_are_named() {
    let session = session();
    let other = |number: usize| format!("src/other_{number}.rs");
    for number in 0..7 {
        session.workspace.write(&other(number), format!("pub struct Part{number};\n\npub fn same() {{}}\n"));
    }
    for change in 0..12 {
        session.workspace.write("src/often.rs", format!("pub fn often() -> u32 {{\n    {change}\n}}\n"));
        for number in 0..7 {
            let text = String::from_utf8(session.workspace.read(&other(number))).expect("text");
            session.workspace.write(&other(number), format!("{text}// {change}\n"));
        }
        session.workspace.commit(&format!("Change {change}"));
    }
    let (_server, mut client) = serve(&session, Revision::New);
    let often = json!({ "symbol": "often" });
    let same = json!({ "symbol": "same" });
    for (tool, list, arguments, limit, expected) in [
        ("context_explain", "facts", &often, None, "commit"),
        ("context_explain", "facts", &same, None, "commit, same_name"),
        ("context_get_related_info", "related", &often, Some(3), "changes_together, commit"),
        ("context_get_related_info", "related", &often, None, "commit"),
        ("context_get_related_info", "related", &often, Some(50), ""),
    ] {
        let mut arguments = arguments.clone();
        arguments["limit"] = json!(limit);
        if limit.is_none() {
            arguments.as_object_mut().expect("an object").remove("limit");
        }
        arguments["max_tokens"] = json!(20_000);
        let told = client.tool(tool, &arguments);
        let said = told["notices"].as_array().expect("notices").iter().find(|notice| notice["kind"] == "limited");
        let named = said.map(|notice| notice["message"].as_str().expect("text"));
        let named = named.map_or("", |message| message.split([':', ';']).nth(1).expect("names").trim());
        assert_eq!(
            (named, told["truncated"] == true),
            (expected, !expected.is_empty()),
            "{tool} {arguments}: {told:#}"
        );
        let commits = told[list].as_array().expect("a list").iter().filter(|item| item["relation"] == "commit");
        let commits: Vec<_> = commits.collect();
        let most = if tool == "context_explain" { 3 } else { limit.unwrap_or(10).min(12) };
        assert_eq!(commits.len(), most, "{tool} {arguments}: {told:#}");
        // It is the file's history, and not known to be the symbol's.
        assert!(commits.iter().all(|commit| commit["reason"] == "changed the file"), "{told:#}");
    }
    // No larger limit is named than there is.
    for change in 0..51 {
        session.workspace.write("src/most.rs", format!("pub fn most() -> u32 {{\n    {change}\n}}\n"));
        session.workspace.commit(&format!("Change most {change}, QUE-99"));
    }
    let arguments = [json!({ "file_path": "src/most.rs" }), json!({ "ticket_id": "QUE-99" })];
    wait_for("the file", DEADLINE, || {
        let found = client.tool("context_search", &json!({ "query": "most", "mode": "symbol" }));
        (found["hits"][0]["path"] == "src/most.rs").then_some(())
    });
    for mut arguments in arguments {
        for (limit, larger) in [(49, true), (50, false)] {
            arguments["limit"] = json!(limit);
            arguments["max_tokens"] = json!(20_000);
            let told = client.tool("context_get_related_info", &arguments);
            let said = told["notices"].as_array().expect("notices").iter().find(|notice| notice["kind"] == "limited");
            let message = said.expect("it is said")["message"].as_str().expect("text");
            assert_eq!(message.contains("a larger limit shows them"), larger, "{told:#}");
            assert_eq!(message.contains("the largest limit"), !larger, "{told:#}");
        }
    }
}

#[test]
fn symbols_are_read_explained_and_related() {
    let session = session();
    let retry = String::from_utf8(session.workspace.read("src/retry.rs")).expect("text");
    let again = retry.split("\n\n").next().expect("a function").replace("retry_failed_request", "try_request_again");
    session.workspace.write("src/again.rs", again);
    session.workspace.git(&["add", "--all"]);
    session.workspace.git(&["commit", "--quiet", "--message", "Try again"]);
    for path in ["src/retry.rs", "src/queue.rs"] {
        let text = String::from_utf8(session.workspace.read(path)).expect("text");
        session.workspace.write(path, format!("{text}\n// The end.\n"));
    }
    session.workspace.commit("End");
    let (_server, mut client) = serve(&session, Revision::Old);
    let read = client.tool("context_read", &json!({ "symbol": "send_once" }));
    assert_eq!(read["text"], "fn send_once(attempt: u32) -> bool {\n    attempt > 1\n}\n", "{read:#}");
    assert_eq!((&read["path"], &read["start_line"]), (&json!("src/retry.rs"), &json!(11)));
    let lines =
        client.tool("context_read", &json!({ "file_path": "./docs//guide.md", "start_line": 1, "end_line": 1 }));
    assert_eq!((&lines["text"], &lines["truncated"]), (&json!("# Guide\n"), &json!(false)), "{lines:#}");
    let facts = client.tool("context_explain", &json!({ "file_path": "src/retry.rs", "line": 2 }));
    let told = |relation: &str| {
        let facts = facts["facts"].as_array().expect("facts");
        facts
            .iter()
            .find(|fact| fact["relation"] == relation)
            .cloned()
            .unwrap_or_else(|| panic!("{relation}: {facts:?}"))
    };
    assert_eq!(facts["name"], "retry_failed_request");
    assert_eq!(told("signature")["text"], "pub fn retry_failed_request(attempts: u32) -> bool");
    assert!(told("doc")["text"].as_str().is_some_and(|doc| doc.contains("pauses that grow")));
    assert_eq!(told("caller")["path"], "src/queue.rs");
    assert_eq!(told("callee")["name"], "send_once");
    assert_eq!(told("test")["name"], "retries_until_it_works");
    assert_eq!(told("commit")["subject"], "End");
    let related = client.tool("context_get_related_info", &json!({ "symbol": "retry_failed_request" }));
    let caller = &related["related"][0];
    assert_eq!((&caller["relation"], &caller["path"]), (&json!("caller"), &json!("src/queue.rs")), "{related:#}");
    assert!(caller["confidence"].as_f64().is_some_and(|sure| sure > 0.5) && caller["reason"].is_string());
    let relation = |relation: &str| {
        let related = related["related"].as_array().expect("a list");
        related
            .iter()
            .find(|item| item["relation"] == relation)
            .cloned()
            .unwrap_or_else(|| panic!("{relation}: {related:?}"))
    };
    assert_eq!(relation("callee")["name"], "send_once");
    let similar = relation("similar");
    assert_eq!((&similar["path"], &similar["name"]), (&json!("src/again.rs"), &json!("try_request_again")));
    assert!(similar["confidence"].as_f64().is_some_and(|sure| sure > 0.5) && similar["reason"].is_string());
    let together = relation("changes_together");
    assert_eq!(together["reason"], "2 of 2 commits changed both", "{together}");
    assert_eq!((&together["path"], &together["confidence"]), (&json!("src/queue.rs"), &json!(0.5)), "{together}");
    let ticket = client.tool("context_get_related_info", &json!({ "ticket_id": "que-12" }));
    let changed: Vec<&Value> =
        ticket["related"].as_array().expect("a list").iter().filter(|item| item["relation"] == "changed_for").collect();
    assert!(changed.iter().any(|item| item["path"] == "src/queue.rs"), "{ticket:#}");
    let unknown = client.tool("context_get_related_info", &json!({ "ticket_id": "NO-1" }));
    assert_eq!((notices(&unknown), &unknown["related"]), (vec!["no_match"], &json!([])));
}

/// Half a hundred types have a method of one name; the file says which is meant, whatever stands before the name.
#[test]
fn a_symbol_is_found_in_the_file_that_is_named() {
    let session = session();
    for number in 0..50 {
        let methods = ["Reader", "Writer"].map(|owner| {
            format!("pub struct {owner}{number};\n\nimpl {owner}{number} {{\n    pub fn flush(&self) -> u32 {{\n        {number}\n    }}\n}}\n\n")
        });
        session.workspace.write(&format!("src/parts/part{number:02}.rs"), methods.concat());
    }
    let (_server, mut client) = serve(&session, Revision::New);
    let path = "src/parts/part47.rs";
    for (symbol, line) in [("flush", 4), ("Reader47::flush", 4), ("Writer47::flush", 12), ("Writer47.flush", 12)] {
        let place = json!({ "symbol": symbol, "file_path": path });
        let read = client.tool("context_read", &place);
        assert_eq!((&read["path"], &read["start_line"]), (&json!(path), &json!(line)), "{symbol}: {read:#}");
        let facts = client.tool("context_explain", &place);
        assert_eq!((&facts["path"], &facts["start_line"]), (&json!(path), &json!(line)), "{symbol}: {facts:#}");
        let uri = format!("conexus://symbol/{symbol}?path={path}");
        let resource = client.result("resources/read", &json!({ "uri": uri }))["contents"][0]["_meta"].clone();
        assert_eq!(
            (&resource["path"], &resource["start_line"]),
            (&json!(path), &json!(line)),
            "{symbol}: {resource:#}"
        );
    }
    for tool in ["context_read", "context_explain", "context_get_related_info"] {
        let reason = client.refusal(tool, &json!({ "symbol": "retry_failed_request", "file_path": path }));
        assert_eq!(reason, format!("{path} defines no symbol \"retry_failed_request\""), "{tool}");
    }
}

#[test]
fn a_line_longer_than_the_budget_is_cut_and_that_is_said() {
    let session = session();
    session.workspace.write("docs/long.txt", "word ".repeat(2_000));
    let (_server, mut client) = serve(&session, Revision::New);
    let read = client.tool("context_read", &json!({ "file_path": "docs/long.txt", "max_tokens": 300 }));
    assert_eq!((&read["truncated"], notices(&read)), (&json!(true), vec!["line_cut"]), "{read:#}");
    assert!(estimate_tokens(&read.to_string()) <= 300, "{read:#}");
}

#[test]
fn filters_narrow_and_a_miss_is_said() {
    let session = session();
    let (_server, mut client) = serve(&session, Revision::Old);
    let root = session.workspace.root().canonicalize().expect("a folder");
    let absolute = |path: &str| root.join(path).to_string_lossy().into_owned();
    for (arguments, expected) in [
        (json!({ "query": "queue", "paths": ["docs"] }), vec!["docs/guide.md"]),
        (json!({ "query": "queue", "paths": [absolute("docs")] }), vec!["docs/guide.md"]),
        (json!({ "query": "queue", "paths": [absolute("docs/guide.md"), "no/where"] }), vec!["docs/guide.md"]),
        (json!({ "query": "queue", "paths": [format!("{}/*.md", absolute("docs"))] }), vec!["docs/guide.md"]),
        (json!({ "query": "queue", "languages": ["markdown"] }), vec!["docs/guide.md"]),
        (json!({ "query": "QueueWorker", "kinds": ["struct"], "mode": "symbol" }), vec!["src/queue.rs"]),
    ] {
        let answer = client.tool("context_search", &arguments);
        assert_eq!(paths(&answer, "hits"), expected, "{answer:#}");
    }
    let lines = client.tool("context_grep", &json!({ "pattern": "queue", "paths": [absolute("docs")] }));
    assert_eq!(paths(&lines, "matches"), ["docs/guide.md"], "{lines:#}");
    let others = client.tool("context_search", &json!({ "query": "queue", "languages": ["cobol"] }));
    assert_eq!(notices(&others), ["filter_matches_nothing"], "{others:#}");
    assert!(
        others["notices"][0]["message"].as_str().is_some_and(|told| told.ends_with("markdown, rust")),
        "{others:#}"
    );
    for tool in ["context_explain", "context_get_related_info"] {
        let unknown = client.tool(tool, &json!({ "symbol": "no_such_symbol" }));
        assert_eq!(notices(&unknown), ["no_match"], "{unknown:#}");
        assert!(unknown["notices"][0]["message"].as_str().is_some_and(|told| told.contains("no_such_symbol")));
    }
    for (tool, arguments, word) in [
        ("context_explain", json!({}), "name a symbol or a file_path"),
        ("context_get_related_info", json!({}), "or a ticket_id"),
        ("context_read", json!({ "file_path": "docs/guide.md", "start_line": 900 }), "there is no line 900"),
        ("context_read", json!({ "file_path": "docs/guide.md", "start_line": 2, "end_line": 1 }), "2 to 1"),
    ] {
        let reason = client.refusal(tool, &arguments);
        assert!(reason.contains(word), "{tool} {arguments}: {reason}");
    }
    // A test that calls a function is told once.
    let related = client.tool("context_get_related_info", &json!({ "symbol": "retry_failed_request" }));
    let told: Vec<_> =
        related["related"].as_array().expect("a list").iter().map(|item| (&item["relation"], &item["name"])).collect();
    let calls = |(relation, name): &(&Value, &Value)| *name == "retries_until_it_works" && *relation != "similar";
    let told: Vec<_> = told.into_iter().filter(calls).map(|(relation, _)| relation).collect();
    assert_eq!(told, ["test"]);
    let nothing = client.tool("context_search", &json!({ "query": "zzyzx", "mode": "keyword" }));
    assert_eq!((notices(&nothing), &nothing["hits"]), (vec!["no_match"], &json!([])), "{nothing:#}");
}

/// A client asks as soon as it has started the program.
#[test]
fn the_first_question_is_not_answered_before_anything_is_indexed() {
    let session = session();
    let mut client = Pipes::start(session.command([""; 0]));
    let found = client.tool("context_search", &json!({ "query": "retry failed requests", "wait_ms": 10_000 }));
    assert_eq!(paths(&found, "hits")[0], "src/retry.rs", "{found:#}");
    assert!(notices(&found).contains(&"detached"), "{found:#}");
    let prompt = client.result("prompts/get", &json!({ "name": "review_unsaved_changes" }));
    assert!(prompt.to_string().contains("no editor session is attached"), "{prompt}");
    client.hang_up();
}

/// What a line ends with, begins with or is long with hides no match, and an empty answer says why it is empty.
#[test]
fn a_grep_finds_every_line_and_says_why_it_finds_none() {
    let session = session();
    session.workspace.write("src/windows.rs", "pub fn ends_with_both() {}\r\n");
    session.workspace.write("src/marked.rs", "\u{feff}pub fn first_behind_a_mark() {}\n");
    session
        .workspace
        .write("docs/long.txt", format!("{}needle_in_it and {}\n", "hay ".repeat(200), "more ".repeat(200)));
    let (_server, mut client) = serve(&session, Revision::New);
    let mut grep = |arguments: &Value| client.tool("context_grep", arguments);
    for (pattern, path) in [
        ("both\\(\\) \\{\\}$", "src/windows.rs"),
        ("^pub fn first_behind", "src/marked.rs"),
        ("needle_in_it", "docs/long.txt"),
    ] {
        let found = grep(&json!({ "pattern": pattern }));
        assert_eq!(paths(&found, "matches"), [path], "{pattern}: {found:#}");
    }
    let long = grep(&json!({ "pattern": "needle_in_it" }));
    let shown = &long["matches"][0];
    assert!(
        shown["cut"] == true && shown["text"].as_str().is_some_and(|text| text.starts_with("…needle_in_it and more"))
    );
    for (arguments, kind, word) in [
        (json!({ "pattern": "retry", "paths": ["lib/nosuch/**"] }), "filter_matches_nothing", "filters"),
        (json!({ "pattern": "no_such_word" }), "no_match", "indexed file"),
        (json!({ "pattern": "needle_in_it", "cursor": "7" }), "no_match", "cursor"),
    ] {
        let found = grep(&arguments);
        assert_eq!(notices(&found), [kind], "{arguments}: {found:#}");
        assert!(found["notices"][0]["message"].as_str().is_some_and(|says| says.contains(word)), "{found:#}");
    }
    for tool in ["context_explain", "context_get_related_info"] {
        let reason = client.refusal(tool, &json!({ "symbol": "retry_failed_request", "line": 3 }));
        assert!(reason.contains("line"), "{reason}");
    }
    client.tool("context_index_control", &json!({ "action": "clear", "wait_ms": 45_000 }));
    let empty = client.tool("context_search", &json!({ "query": "retry" }));
    assert_eq!(notices(&empty), ["stopped"], "{empty:#}");
    assert!(empty["notices"][0]["message"].as_str().is_some_and(|says| says.contains("start")), "{empty:#}");
}

/// A history that is not all of it is never told as if it were: here that of a shallow clone.
#[test]
fn what_is_left_out_of_the_history_is_said() {
    let session = session();
    session.workspace.write("src/queue.rs", "pub fn next_job() {}\n");
    session.workspace.commit("Shorten the queue");
    let origin = conexus_testkit::file_uri(session.workspace.root());
    let shallow = session.program.home().join("shallow");
    let cloned =
        std::process::Command::new("git").args(["clone", "-q", "--depth", "1", &origin]).arg(&shallow).status();
    assert!(cloned.is_ok_and(|status| status.success()));
    for (root, says) in [(session.workspace.root(), false), (&*shallow, true)] {
        let mut command = session.program.command(root);
        command.arg("--workspace").arg(root);
        let mut client = Pipes::start(command);
        super::until_idle(&mut client);
        for (tool, arguments) in [
            ("context_explain", json!({ "symbol": "retry_failed_request" })),
            ("context_get_related_info", json!({ "file_path": "src/retry.rs" })),
            ("context_get_related_info", json!({ "ticket_id": "QUE-12" })),
        ] {
            let answer = client.tool(tool, &arguments);
            assert_eq!(notices(&answer).contains(&"history_cut"), says, "{tool} {arguments}: {answer:#}");
        }
        client.hang_up();
    }
}

/// An absolute path means the same in whatever way it leads into the workspace.
#[cfg(unix)]
#[test]
fn a_workspace_is_asked_by_its_other_names_too() {
    let session = session();
    let link = session.program.home().join("link");
    std::os::unix::fs::symlink(session.workspace.root(), &link).expect("a link");
    let (_server, mut client) = serve(&session, Revision::New);
    for root in [session.workspace.root(), &link] {
        let file = root.join("src/retry.rs");
        let read = client.tool("context_read", &json!({ "file_path": file }));
        assert_eq!(read["path"], "src/retry.rs", "{read:#}");
        let found = client.tool("context_grep", &json!({ "pattern": "fn ", "paths": [root.join("src/q*.rs")] }));
        assert_eq!(paths(&found, "matches"), ["src/queue.rs"], "{found:#}");
    }
    let reason = client.refusal("context_read", &json!({ "file_path": session.program.home().join("x.rs") }));
    assert!(reason.contains("outside"), "{reason}");
}
