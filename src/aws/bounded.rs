//! Answers of bounded size: whatever stands in AWS's place cannot fill this machine's memory.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;

/// Far more than any control-plane answer, and than the 6 MB that a function may return.
const LARGEST_ANSWER: usize = 16 << 20;

/// Gives up on an answer that does not end after [`LARGEST_ANSWER`] bytes.
#[derive(Debug)]
struct Bounded<T>(T);

/// The same client, for answers that are read into memory.
pub fn bounded(client: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(Bounded(client))
}

impl HttpClient for Bounded<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Bounded(self.0.http_connector(settings, components)))
    }
}

impl HttpConnector for Bounded<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            answer.await.map(|response| response.map(|body| SdkBody::from_body_1_x(Limited::new(body, LARGEST_ANSWER))))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn an_answer_that_does_not_end_is_cut() {
        let body = SdkBody::from(vec![b'x'; LARGEST_ANSWER + 1]);
        let limited = SdkBody::from_body_1_x(Limited::new(body, LARGEST_ANSWER));
        let error = limited.collect().await.unwrap_err();
        assert!(error.to_string().contains("limit"), "{error}");
    }
}
