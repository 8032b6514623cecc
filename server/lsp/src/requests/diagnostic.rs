//! `textDocument/diagnostic`: the findings in an open document.

use std::hash::{DefaultHasher, Hash, Hasher};

use lsp_types::{
    Diagnostic, DocumentDiagnosticParams, DocumentDiagnosticReport, FullDocumentDiagnosticReport,
    RelatedFullDocumentDiagnosticReport, RelatedUnchangedDocumentDiagnosticReport, UnchangedDocumentDiagnosticReport,
};
use tower_lsp::jsonrpc::Result;

use crate::server::Server;

/// What tells these findings from others of the same document.
pub(super) fn result_id(items: &[Diagnostic]) -> String {
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(items).unwrap_or_default().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Waits until the document has been quiet for a while and was checked; a client that does not want that cancels. One that
/// is told when there is more gets what is known of this version of the document before all of it is.
pub(crate) async fn handle(server: &Server, params: DocumentDiagnosticParams) -> Result<DocumentDiagnosticReport> {
    let session = server.session()?;
    if session.settings().diagnostics {
        let version = session.documents().get(&params.text_document.uri).map(|document| document.version);
        // Who is not told of news would keep what is half of the answer.
        if version.is_some() && session.offers.refreshes_diagnostics {
            session.checks.known_so_far(&params.text_document.uri, version).await;
        } else {
            session.checks.known().await;
        }
    }
    let items = session.checks.of_document(&params.text_document.uri).diagnostics();
    let result_id = result_id(&items);
    if params.previous_result_id.as_ref() == Some(&result_id) {
        return Ok(RelatedUnchangedDocumentDiagnosticReport {
            related_documents: None,
            unchanged_document_diagnostic_report: UnchangedDocumentDiagnosticReport { result_id },
        }
        .into());
    }
    Ok(RelatedFullDocumentDiagnosticReport {
        related_documents: None,
        full_document_diagnostic_report: FullDocumentDiagnosticReport { result_id: Some(result_id), items },
    }
    .into())
}
