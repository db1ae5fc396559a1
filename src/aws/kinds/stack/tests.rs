use serde_json::json;

use super::*;
use crate::aws::fake::{Asked, Fake, Told};
use crate::aws::kinds::properties::tests::tree_of;

const ID: &str = "arn:aws:cloudformation:us-east-1:123456789012:stack/shop-dev/1";

fn xml(action: &str, content: &str) -> Told {
    let body = format!("<{action}Response><{action}Result>{content}</{action}Result></{action}Response>");
    Told { status: 200, code: None, body }
}

fn described(status: &str) -> Told {
    let tags = "<Tags><member><Key>hoist:resources</Key><Value>shop/dev</Value></member></Tags>";
    let outputs = "<Outputs><member><OutputKey>HoistJobs</OutputKey><OutputValue>jobs</OutputValue></member></Outputs>";
    let stack = format!(
        "<StackName>shop-dev</StackName><StackId>{ID}</StackId><StackStatus>{status}</StackStatus>{tags}{outputs}"
    );
    xml("DescribeStacks", &format!("<Stacks><member>{stack}</member></Stacks>"))
}

fn refused(message: &str) -> Told {
    let error = format!("<Error><Code>ValidationError</Code><Message>{message}</Message></Error>");
    Told { status: 400, code: None, body: format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>") }
}

fn desired() -> Desired {
    Desired {
        address: Address::new(TYPE, "shop-dev"),
        properties: tree_of(json!({
            "StackName": "shop-dev", "Tags": { "hoist:resources": "shop/dev" },
            "TemplateBody": { "Resources": { "Jobs": { "Type": "AWS::SQS::Queue" } } },
        })),
        depends_on: Vec::new(),
        parent: None,
        fingerprint: None,
        hints: BTreeMap::new(),
    }
}

fn actions(fake: &Fake) -> Vec<String> {
    fake.asked().into_iter().map(|asked| asked.action).collect()
}

#[tokio::test]
async fn a_stack_says_whose_it_is_and_what_it_gives() {
    let (aws, fake) = Fake::connect(|asked| match asked.action.as_str() {
        "GetTemplate" => {
            assert!(asked.body.contains("TemplateStage=Original"), "not what macros made of it");
            xml("GetTemplate", r#"<TemplateBody>{"Resources":{"Jobs":{"Type":"AWS::SQS::Queue"}}}</TemplateBody>"#)
        }
        _ => described("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
    });
    let live = Stack::new(aws).find("shop-dev", Some(&desired())).await.unwrap().unwrap();
    assert_eq!(live.properties, desired().properties);
    assert_eq!(live.ownership, Ownership::Ours);
    assert_eq!(live.attributes["Outputs.HoistJobs"], Value::string("jobs"));
    assert_eq!(actions(&fake), ["DescribeStacks", "GetTemplate"]);
}

#[tokio::test]
async fn what_is_not_there_is_no_failure() {
    let (aws, _) = Fake::connect(|_| refused("Stack with id shop-dev does not exist"));
    assert_eq!(Stack::new(aws).find("shop-dev", None).await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_never_came_into_being_is_made_anew() {
    let asked: std::sync::Mutex<Vec<String>> = std::sync::Mutex::default();
    let (aws, fake) = Fake::connect(move |now: &Asked| {
        let mut asked = asked.lock().unwrap();
        asked.push(now.action.clone());
        let did = |action: &str| asked.iter().any(|asked| asked == action);
        match now.action.as_str() {
            "CreateStack" => xml("CreateStack", &format!("<StackId>{ID}</StackId>")),
            "DeleteStack" => xml("DeleteStack", ""),
            _ if did("CreateStack") => described("CREATE_COMPLETE"),
            _ if did("DeleteStack") => described("DELETE_COMPLETE"),
            _ => described("ROLLBACK_COMPLETE"),
        }
    });
    let stack = Stack::new(aws);
    let live = Live::made(&desired(), BTreeMap::new(), "shop-dev", desired().properties);
    let made = stack.update(&live, &desired(), &[], &Progress::silent()).await.unwrap();
    assert_eq!(made.attributes["Outputs.HoistJobs"], Value::string("jobs"));
    let writes: Vec<String> = actions(&fake).into_iter().filter(|action| action != "DescribeStacks").collect();
    assert_eq!(writes, ["DeleteStack", "CreateStack"]);
}

#[tokio::test(start_paused = true)]
async fn an_update_that_is_taken_back_fails_with_what_failed_first() {
    let (aws, _) = Fake::connect(|asked| match asked.action.as_str() {
        "UpdateStack" => xml("UpdateStack", &format!("<StackId>{ID}</StackId>")),
        "DescribeStackEvents" => {
            let event = |id: &str, status: &str, why: &str| {
                format!(
                    "<member><StackId>{ID}</StackId><PhysicalResourceId>{id}</PhysicalResourceId>\
                     <LogicalResourceId>Jobs</LogicalResourceId><ResourceType>AWS::SQS::Queue</ResourceType>\
                     <ResourceStatus>{status}</ResourceStatus><ResourceStatusReason>{why}</ResourceStatusReason></member>"
                )
            };
            let all = [event("jobs", "UPDATE_FAILED", "No such key."), event("jobs", "UPDATE_IN_PROGRESS", "")];
            xml("DescribeStackEvents", &format!("<StackEvents>{}</StackEvents>", all.concat()))
        }
        _ => described(if asked.body.contains("arn") { "UPDATE_ROLLBACK_IN_PROGRESS" } else { "CREATE_COMPLETE" }),
    });
    let live = Live::made(&desired(), BTreeMap::new(), "shop-dev", desired().properties);
    let failure = Stack::new(aws).update(&live, &desired(), &[], &Progress::silent()).await.unwrap_err();
    assert_eq!(failure.reason, Reason::Failed);
    let expected = "the stack shop-dev is in UPDATE_ROLLBACK_IN_PROGRESS: Jobs (AWS::SQS::Queue): No such key";
    assert_eq!(failure.message, expected);
}

#[tokio::test(start_paused = true)]
async fn nothing_to_update_is_no_failure() {
    let (aws, _) = Fake::connect(|asked| match asked.action.as_str() {
        "UpdateStack" => refused("No updates are to be performed."),
        _ => described("UPDATE_ROLLBACK_COMPLETE"),
    });
    let live = Live::made(&desired(), BTreeMap::new(), "shop-dev", desired().properties);
    assert!(Stack::new(aws).update(&live, &desired(), &[], &Progress::silent()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_update_whose_answer_was_lost_is_waited_for_and_not_sent_in_vain() {
    let updates = std::sync::atomic::AtomicU32::new(0);
    let (aws, fake) = Fake::connect(move |asked| match asked.action.as_str() {
        "UpdateStack" if updates.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 => {
            refused("Stack:shop-dev is in UPDATE_IN_PROGRESS state and can not be updated.")
        }
        "UpdateStack" => refused("No updates are to be performed."),
        _ => described("UPDATE_COMPLETE"),
    });
    let live = Live::made(&desired(), BTreeMap::new(), "shop-dev", desired().properties);
    assert!(Stack::new(aws).update(&live, &desired(), &[], &Progress::silent()).await.is_ok());
    assert_eq!(actions(&fake), ["DescribeStacks", "UpdateStack", "DescribeStacks", "UpdateStack"]);
}

#[tokio::test(start_paused = true)]
async fn what_cloudformation_takes_for_no_change_is_said() {
    let (aws, _) = Fake::connect(|asked| match asked.action.as_str() {
        "UpdateStack" => refused("No updates are to be performed."),
        _ => described("UPDATE_COMPLETE"),
    });
    let said = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = std::sync::Arc::clone(&said);
    let progress = Progress::new(move |word| heard.lock().unwrap().push(word));
    let live = Live::made(&desired(), BTreeMap::new(), "shop-dev", desired().properties);
    let mut kept = desired();
    kept.properties = tree_of(json!({
        "StackName": "shop-dev",
        "TemplateBody": { "Resources": { "Jobs": { "Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain" } } },
    }));
    Stack::new(aws).update(&live, &kept, &[], &progress).await.unwrap();
    let is_said = |word: &crate::engine::kind::Word| matches!(word, crate::engine::kind::Word::Kept(why) if why.contains("no change"));
    assert!(said.lock().unwrap().iter().any(is_said));
}
