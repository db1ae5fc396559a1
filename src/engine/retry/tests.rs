use std::sync::atomic::Ordering;

use super::*;
use crate::engine::kind::Word;
use crate::engine::limits::Bucket;

const RULES: [Rule; 4] = [
    Rule::new("lambda", "CreateFunction", "InvalidParameterValueException", Class::Propagating)
        .message("cannot be assumed")
        .waiting_for("IAM"),
    Rule::new("lambda", "*", "ResourceConflictException", Class::Busy).message("in progress"),
    Rule::new("*", "*", "Throttling", Class::Throttled),
    Rule::new("s3", "PutBucketNotificationConfiguration", "InvalidArgument", Class::Busy).within(30),
];

fn retry() -> Retry {
    let limiter = Limiter::new([Bucket { name: "lambda", per_second: 1000.0, burst: 1000.0 }]);
    Retry::new(Arc::new(Table::new(RULES)), Arc::new(limiter), CancellationToken::new(), 7)
}

fn error(code: &str, message: &str) -> CallError {
    CallError::new("lambda", "CreateFunction", Fate::Answered(400), message).code(code).request_id("r-1")
}

fn assumed() -> CallError {
    error("InvalidParameterValueException", "The role defined for the function CANNOT BE ASSUMED by Lambda.")
}

#[tokio::test(start_paused = true)]
async fn a_new_role_is_waited_for_and_the_wait_is_told() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let progress = Progress::new({
        let told = Arc::clone(&told);
        move |word| {
            if let Word::Waiting(what) = word {
                told.lock().unwrap().push(what);
            }
        }
    });
    let began = Instant::now();
    let done = retry()
        .run(Call::new(&["lambda"]).fresh(true), &progress, |_| async move {
            if began.elapsed() < Duration::from_secs(8) { Err(assumed()) } else { Ok("made") }
        })
        .await;
    assert_eq!(done, Ok("made"));
    assert!(began.elapsed() < Duration::from_secs(10));
    let told = told.lock().unwrap();
    assert_eq!(told.first().map(String::as_str), Some("waiting for IAM (0 s)"));
    assert!(told.iter().any(|line| line.starts_with("waiting for IAM (6 s)")), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn what_only_waits_for_its_turn_is_not_sent_after_a_stop() {
    let (limiter, stop) =
        (Limiter::new([Bucket { name: "slow", per_second: 0.1, burst: 1.0 }]), CancellationToken::new());
    let retry = Retry::new(Arc::new(Table::new(RULES)), Arc::new(limiter), stop.clone(), 7);
    let send = |progress: Progress| {
        let retry = retry.clone();
        tokio::spawn(async move {
            retry.run(Call::new(&["slow"]), &progress, |_| async { Ok::<_, CallError>("sent") }).await
        })
    };
    let under_way = Progress::new(|_| {});
    assert_eq!(send(under_way.clone()).await.unwrap(), Ok("sent"));
    let (waiting, going_on) = (send(Progress::new(|_| {})), send(under_way));
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.cancel();
    assert_eq!(waiting.await.unwrap().unwrap_err().reason, Reason::Cancelled);
    assert_eq!(going_on.await.unwrap(), Ok("sent"), "its change is under way");
    assert_eq!(send(Progress::silent()).await.unwrap(), Ok("sent"), "what gives the lease back, say");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_did_not_change_is_not_waited_for() {
    let began = Instant::now();
    let failure = retry()
        .run(Call::new(&["lambda"]), &Progress::silent(), |_| async { Err::<(), _>(assumed()) })
        .await
        .unwrap_err();
    assert_eq!((failure.attempts, began.elapsed()), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn giving_up_says_what_how_long_and_the_request_id() {
    let failure = retry()
        .run(Call::new(&["lambda"]).fresh(true), &Progress::silent(), |_| async { Err::<(), _>(assumed()) })
        .await
        .unwrap_err();
    assert_eq!(failure.reason, Reason::Propagating);
    assert_eq!(failure.operation.as_deref(), Some("lambda.CreateFunction"));
    assert_eq!(failure.request_id.as_deref(), Some("r-1"));
    assert!(failure.elapsed > Duration::from_secs(290) && failure.elapsed <= Duration::from_secs(300));
    assert!(failure.attempts > 100 && failure.attempts < 450, "{}", failure.attempts);
}

#[tokio::test(start_paused = true)]
async fn a_rule_may_shorten_its_budget() {
    let began = Instant::now();
    let refused = || CallError::new("s3", "PutBucketNotificationConfiguration", Fate::Answered(400), "Unable");
    let result = retry()
        .run(Call::new(&[]), &Progress::silent(), |_| async { Err::<(), _>(refused().code("InvalidArgument")) })
        .await;
    assert_eq!(result.unwrap_err().reason, Reason::Conflict);
    assert!(began.elapsed() <= Duration::from_secs(30) && began.elapsed() > Duration::from_secs(26));
}

#[tokio::test(start_paused = true)]
async fn a_create_with_no_answer_is_looked_for_before_it_is_sent_again() {
    let made = Arc::new(Mutex::new(0));
    let cut = || CallError::new("lambda", "CreateEventSourceMapping", Fate::Unknown, "connection reset");
    let created = retry()
        .create(
            Call::new(&["lambda"]).check_first(),
            &Progress::silent(),
            || async { Ok(if *made.lock().unwrap() > 0 { Some("found") } else { None }) },
            |turn| {
                let made = Arc::clone(&made);
                async move {
                    // The first never arrived, the second was carried out and its answer lost.
                    if turn == 2 {
                        *made.lock().unwrap() += 1;
                    }
                    Err(cut())
                }
            },
        )
        .await;
    assert_eq!((created, *made.lock().unwrap()), (Ok("found"), 1));
}

#[tokio::test(start_paused = true)]
async fn without_a_look_it_is_not_sent_again() {
    let failure = retry()
        .run(Call::new(&[]).check_first(), &Progress::silent(), |_| async {
            Err::<(), _>(CallError::new("lambda", "CreateEventSourceMapping", Fate::Answered(500), "oops"))
        })
        .await
        .unwrap_err();
    assert_eq!((failure.attempts, failure.reason), (1, Reason::Server));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_wait_between_attempts() {
    let stop = CancellationToken::new();
    let retry = Retry::new(Arc::new(Table::new(RULES)), Arc::new(Limiter::unlimited()), stop.clone(), 0);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(3)).await;
        stop.cancel();
    });
    let began = Instant::now();
    let failure = retry
        .run(Call::new(&[]).fresh(true), &Progress::silent(), |_| async { Err::<(), _>(assumed()) })
        .await
        .unwrap_err();
    assert_eq!(failure.reason, Reason::Cancelled);
    assert!(began.elapsed() <= Duration::from_millis(3001), "{:?}", began.elapsed());
    assert!(failure.message.contains("CANNOT BE ASSUMED"));
}

#[tokio::test(start_paused = true)]
async fn a_throttle_slows_everybody_down() {
    let limiter = Arc::new(Limiter::new([Bucket { name: "slow", per_second: 10.0, burst: 10.0 }]));
    let retry = Retry::new(Arc::new(Table::new(RULES)), Arc::clone(&limiter), CancellationToken::new(), 0);
    let began = Instant::now();
    let done = retry
        .run(Call::new(&["slow"]), &Progress::silent(), |turn| async move {
            if turn == 1 { Err(error("Throttling", "Rate exceeded")) } else { Ok(()) }
        })
        .await;
    assert_eq!(done, Ok(()));
    for _ in 0..7 {
        limiter.draw(&["slow"]).await;
    }
    assert!(began.elapsed() > Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_is_waited_for_is_looked_at_until_it_is_so() {
    let began = Instant::now();
    let state = retry()
        .wait_until(Call::new(&[]), &Progress::silent(), Duration::from_secs(60), |_| async move {
            Ok(if began.elapsed() > Duration::from_secs(5) { Look::Ready("Active") } else { Look::NotYet("it") })
        })
        .await;
    assert_eq!(state, Ok("Active"));
    let never = retry()
        .wait_until(Call::new(&[]), &Progress::silent(), Duration::from_secs(60), |_| async {
            Ok(Look::<()>::NotYet("the function to become active"))
        })
        .await;
    assert_eq!(never.unwrap_err().message, "waited 59 s for the function to become active");
}

/// How long after it became ready a thing was seen to be so, and how many looks there were each second.
async fn watched(things: u64, ready: Duration) -> (Duration, f64) {
    let (retry, looks, began) = (retry(), Arc::new(AtomicUsize::new(0)), Instant::now());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..things {
        let (retry, looks) = (retry.clone(), Arc::clone(&looks));
        tasks.spawn(async move {
            let look = |_| async {
                looks.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(60)).await;
                Ok(if began.elapsed() >= ready { Look::Ready(began.elapsed()) } else { Look::NotYet("it") })
            };
            retry.wait_until(Call::new(&[]), &Progress::silent(), Duration::from_secs(600), look).await.unwrap()
        });
    }
    let seen = tasks.join_all().await.into_iter().max().unwrap();
    (seen - ready, looks.load(Ordering::Relaxed) as f64 / seen.as_secs_f64())
}

#[tokio::test(start_paused = true)]
async fn what_is_ready_is_seen_soon_and_a_crowd_is_not_asked_about_more_than_the_quota_allows() {
    for (ready_ms, late_ms) in [(1000, 250), (1500, 280), (6000, 650), (25_000, 1100)] {
        let (late, looks) = watched(1, Duration::from_millis(ready_ms)).await;
        assert!(late <= Duration::from_millis(late_ms), "{ready_ms} ms: {late:?} late");
        assert!(looks <= 10.0, "{ready_ms} ms: {looks} looks a second");
    }
    let (late, looks) = watched(40, Duration::from_secs(3)).await;
    assert!(late <= Duration::from_millis(800) && looks <= 80.0, "{late:?} late, {looks} looks a second");
}

#[test]
fn the_same_seed_gives_the_same_delays() {
    let delays = |seed| (1..20).map(|turn| jittered(Duration::from_secs(1), seed, turn)).collect::<Vec<_>>();
    assert_eq!(delays(1), delays(1));
    assert_ne!(delays(1), delays(2));
    assert!(delays(3).iter().all(|delay| (0.75..=1.0).contains(&delay.as_secs_f64())));
}

#[test]
fn after_a_run_that_was_cut_off_everything_is_fresh() {
    let fresh = Fresh::default();
    fresh.note("role-a");
    assert!(fresh.any() && fresh.contains("role-a") && !fresh.contains("role-b"));
    fresh.note_everything();
    assert!(fresh.contains("role-b"));
}
