//! Custom resources, whose makers' answers these tests give themselves.

use serde_json::{Value, json};

use super::*;
use crate::custom::tests::{Waiting, end_call, waiting};

/// A queue's visibility is what the maker says.
fn thing(properties: &str, more: &str) -> String {
    format!(
        "
Transform: AWS::Serverless-2016-10-31
Resources:
  Maker:
    Type: AWS::Serverless::Function
    Properties: {{FunctionName: maker, Runtime: nodejs22.x, Handler: index.handler, InlineCode: x}}
  Thing:
    Type: Custom::Thing
    {more}
    Properties: {{ServiceToken: !GetAtt Maker.Arn, {properties}}}
  Queue:
    Type: AWS::SQS::Queue
    Properties: {{QueueName: q, VisibilityTimeout: !GetAtt Thing.Seconds}}
Outputs:
  Id: {{Value: !Ref Thing}}
"
    )
}

const WITHOUT: &str = "
Transform: AWS::Serverless-2016-10-31
Resources:
  Maker:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: maker, Runtime: nodejs22.x, Handler: index.handler, InlineCode: x}
";

impl World {
    async fn request(&self) -> Waiting {
        loop {
            if let Some(waiting) = waiting(&self.engines.store).pop() {
                return waiting;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn answer(&self, request: &Waiting, answer: Value) {
        let answers = self.deployer.answers();
        let body = answer.to_string().into();
        let taken = answers.take(&request.id, &request.secret, body);
        taken.await.unwrap();
    }

    /// Answers the requests that come, in this order, and tells them.
    async fn maker(&self, answers: &[Value]) -> Vec<String> {
        let mut asked = Vec::new();
        for answer in answers {
            let request = self.request().await;
            let property = request.properties["A"].as_str().unwrap_or_default();
            asked.push(format!("{} {property}", request.verb));
            self.answer(&request, answer.clone()).await;
        }
        asked
    }

    /// Deploys while the maker answers so: what was asked, and what came of it.
    async fn with_maker(
        &self,
        text: &str,
        answers: &[Value],
    ) -> (Vec<String>, std::result::Result<Vec<String>, String>) {
        let template = self.template(text);
        let (asked, applied) = tokio::join!(self.maker(answers), self.deployer.deploy(&template));
        let changes = applied.map_err(|error| error.to_string()).map(|applied| {
            let changes = applied.changes.iter();
            changes
                .map(|step| format!("{} {}", step.action, step.noun))
                .collect()
        });
        (asked, changes)
    }

    /// Begins a deployment, which is given up as soon as it has asked.
    async fn interrupted(&self, text: &str) -> Waiting {
        let template = self.template(text);
        tokio::select! {
            _ = self.deployer.deploy(&template) => panic!("nobody has answered"),
            request = self.request() => request,
        }
    }

    fn visibility(&self) -> u32 {
        let address = queues::Address::new(&self.space, "q");
        let queue = self.engines.queues.get(&address).unwrap();
        queue.settings.visibility_s
    }

    fn id(&self) -> String {
        self.deployer.stacks().unwrap()[0].outputs[0].value.clone()
    }
}

fn done(physical: &str, seconds: u32) -> Value {
    json!({"Status": "SUCCESS", "PhysicalResourceId": physical, "Data": {"Seconds": seconds}})
}

fn failed(reason: &str) -> Value {
    json!({"Status": "FAILED", "Reason": reason, "PhysicalResourceId": "half"})
}

#[tokio::test]
async fn others_are_made_with_what_it_says() {
    let world = World::new();
    let (asked, changes) = world
        .with_maker(&thing("A: 1", ""), &[done("t-1", 7)])
        .await;
    assert_eq!(asked, ["Create 1"]);
    assert_eq!(
        changes.unwrap(),
        ["create function", "create custom resource", "create queue"]
    );
    assert_eq!((world.visibility(), world.id().as_str()), (7, "t-1"));
    // As it is wanted; and what is not its properties is nothing to its maker.
    let (_, changes) = world.with_maker(&thing("A: 1", ""), &[]).await;
    assert!(changes.unwrap().is_empty());
    let retained = thing("A: 1", "DeletionPolicy: Retain");
    let (_, changes) = world.with_maker(&retained, &[]).await;
    assert_eq!(changes.unwrap(), ["update custom resource"]);
    // It stays what it is called.
    let (asked, changes) = world
        .with_maker(&thing("A: 2", ""), &[done("t-1", 8)])
        .await;
    assert_eq!(asked, ["Update 2"]);
    assert_eq!(changes.unwrap(), ["update custom resource", "update queue"]);
    assert_eq!(world.visibility(), 8);
    // It is another one, and the old one goes when all else is done.
    let answers = [done("t-2", 9), done("t-1", 0)];
    let (asked, changes) = world.with_maker(&thing("A: 3", ""), &answers).await;
    assert_eq!(asked, ["Update 3", "Delete 2"]);
    assert_eq!(
        changes.unwrap(),
        [
            "update custom resource",
            "update queue",
            "remove custom resource"
        ]
    );
    assert_eq!(world.id(), "t-2");
    let (asked, changes) = world.with_maker(WITHOUT, &[done("t-2", 0)]).await;
    assert_eq!(asked, ["Delete 3"]);
    assert_eq!(changes.unwrap(), ["remove custom resource", "remove queue"]);
}

#[tokio::test]
async fn what_is_replaced_or_removed_may_be_retained() {
    let world = World::new();
    let both = "DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain";
    let (_, changes) = world
        .with_maker(&thing("A: 1", both), &[done("t-1", 1)])
        .await;
    changes.unwrap();
    let (asked, changes) = world
        .with_maker(&thing("A: 2", both), &[done("t-2", 1)])
        .await;
    assert_eq!(asked, ["Update 2"]);
    assert_eq!(changes.unwrap(), ["update custom resource"]);
    let (_, changes) = world.with_maker(WITHOUT, &[]).await;
    assert_eq!(changes.unwrap(), ["retain custom resource", "remove queue"]);
    world.deployer.destroy("shop").await.unwrap();
}

#[tokio::test]
async fn a_failure_ends_the_deployment_and_is_cleared_by_the_next() {
    let world = World::new();
    let (_, told) = world
        .with_maker(&thing("A: 1", ""), &[failed("no luck")])
        .await;
    assert!(told.unwrap_err().contains("Message returned: no luck"));
    let answers = [json!({"Status": "SUCCESS"}), done("t-1", 1)];
    let (asked, changes) = world.with_maker(&thing("A: 2", ""), &answers).await;
    assert_eq!(asked, ["Delete 1", "Create 2"]);
    changes.unwrap();
    let (_, told) = world
        .with_maker(&thing("A: 3", ""), &[failed("again")])
        .await;
    let told = told.unwrap_err();
    assert!(told.contains("cannot update the custom resource"), "{told}");
    // Going back is a change too: it may be half of what failed.
    let (asked, changes) = world
        .with_maker(&thing("A: 2", ""), &[done("t-1", 1)])
        .await;
    assert_eq!(asked, ["Update 2"]);
    changes.unwrap();
    // What could not be taken away is still there, and asked for again.
    let answers = [failed("in use")];
    let (_, told) = tokio::join!(world.maker(&answers), world.deployer.destroy("shop"));
    assert!(told.unwrap_err().to_string().contains("in use"));
    let answers = [done("t-1", 1)];
    let (asked, told) = tokio::join!(world.maker(&answers), world.deployer.destroy("shop"));
    assert_eq!(asked, ["Delete 2"]);
    told.unwrap();
    assert!(world.deployer.stacks().unwrap().is_empty());
}

#[tokio::test]
async fn an_interrupted_deployment_waits_for_the_answer_to_what_it_has_asked() {
    let world = World::new();
    let text = thing("A: 1", "");
    let request = world.interrupted(&text).await;
    // Its call still runs, so nobody is asked again.
    let again = world.interrupted(&text).await;
    assert_eq!(again.id, request.id);
    // It comes while nobody deploys.
    world.answer(&request, done("t-1", 7)).await;
    let (_, changes) = world.with_maker(&text, &[]).await;
    changes.unwrap();
    assert_eq!(world.visibility(), 7);
}

#[tokio::test]
async fn another_deployment_takes_over_from_one_that_was_interrupted() {
    let world = World::new();
    let request = world.interrupted(&thing("A: 1", "")).await;
    // With other properties, it is a change of what the first answer says that there is.
    world.answer(&request, done("t-1", 7)).await;
    let (asked, changes) = world
        .with_maker(&thing("A: 2", ""), &[done("t-1", 8)])
        .await;
    assert_eq!(asked, ["Update 2"]);
    changes.unwrap();
    // And the end of the stack is the end of what was under way.
    let request = world.interrupted(&thing("A: 3", "")).await;
    world.answer(&request, done("t-2", 9)).await;
    let answers = [done("t-2", 9), done("t-1", 9)];
    let (asked, told) = tokio::join!(world.maker(&answers), world.deployer.destroy("shop"));
    assert_eq!(asked, ["Delete 3", "Delete 2"]);
    told.unwrap();
    assert!(world.deployer.stacks().unwrap().is_empty());
}

#[tokio::test]
async fn what_can_have_no_answer_any_more_is_asked_for_again() {
    let world = World::new();
    let text = thing("A: 1", "");
    let request = world.interrupted(&text).await;
    end_call(&world.engines.store, &request.id).await;
    let answers = [json!({"Status": "SUCCESS"}), done("t-1", 7)];
    let (asked, changes) = world.with_maker(&text, &answers).await;
    // What may have been made goes first.
    assert_eq!(asked, ["Delete 1", "Create 1"]);
    changes.unwrap();
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_failure() {
    let world = World::new();
    let template = world.template(&thing("A: 1, ServiceTimeout: 60", ""));
    let (told, ()) = tokio::join!(world.deployer.deploy(&template), async {
        world.request().await;
        world.clock.advance(Duration::from_secs(60));
    });
    let told = told.unwrap_err().to_string();
    assert!(told.contains("did not receive a response"), "{told}");
}

#[tokio::test]
async fn an_attribute_that_the_newest_answer_does_not_have_is_refused() {
    let world = World::new();
    let answer = json!({"Status": "SUCCESS", "PhysicalResourceId": "t-1"});
    let (_, told) = world.with_maker(&thing("A: 1", ""), &[answer]).await;
    let told = told.unwrap_err();
    assert!(
        told.contains("the answer of `Thing` has no `Seconds`"),
        "{told}"
    );
    // The next answer may have it.
    let (asked, changes) = world
        .with_maker(&thing("A: 2", ""), &[done("t-1", 1)])
        .await;
    assert_eq!(asked, ["Update 2"]);
    changes.unwrap();
}

#[tokio::test]
async fn one_is_asked_at_a_time_with_what_the_one_before_has_said() {
    let world = World::new();
    let text = thing("A: 1", "").replace(
        "Outputs:",
        "  Next:
    Type: Custom::Next
    Properties: {ServiceToken: !GetAtt Maker.Arn, A: !Ref Thing}
Outputs:",
    );
    let answers = [done("t-1", 1), done("n-1", 1)];
    let (asked, changes) = world.with_maker(&text, &answers).await;
    assert_eq!(asked, ["Create 1", "Create t-1"]);
    changes.unwrap();
    let text = text.replace("A: 1", "A: 2");
    let answers = [done("t-2", 1), done("n-1", 1), done("t-1", 1)];
    let (asked, changes) = world.with_maker(&text, &answers).await;
    assert_eq!(asked, ["Update 2", "Update t-2", "Delete 1"]);
    changes.unwrap();
    // What was made last goes first.
    let answers = [done("n-1", 1), done("t-2", 1)];
    let (asked, told) = tokio::join!(world.maker(&answers), world.deployer.destroy("shop"));
    assert_eq!(asked, ["Delete t-2", "Delete 2"]);
    told.unwrap();
}

#[tokio::test]
async fn what_nobody_would_make_is_refused_before_anything_is_made() {
    let world = World::new();
    let text = "
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Thing:
    Type: Custom::Thing
    Properties: {ServiceToken: 'arn:aws:lambda:us-east-1:000000000000:function:nobody'}
";
    let told = world.refusal(text).await;
    assert!(
        told.contains("there is no arn:aws:lambda:us-east-1:000000000000:function:nobody"),
        "{told}"
    );
    assert!(world.deployer.stacks().unwrap().is_empty());
    // Nor does another one take over what one has made.
    let text = thing("A: 1", "");
    let (_, changes) = world.with_maker(&text, &[done("t-1", 1)]).await;
    changes.unwrap();
    let told = world
        .refusal(&text.replace("Custom::Thing", "Custom::Other"))
        .await;
    assert!(
        told.contains("the `ServiceToken` and the type of `Thing` cannot be changed"),
        "{told}"
    );
}

#[tokio::test]
async fn a_stack_goes_although_the_maker_has_gone() {
    let world = World::new();
    let (_, changes) = world
        .with_maker(&thing("A: 1", ""), &[done("t-1", 1)])
        .await;
    changes.unwrap();
    let functions = &world.engines.functions;
    functions.delete(&world.space, "maker").await.unwrap();
    world.deployer.destroy("shop").await.unwrap();
    assert!(world.deployer.stacks().unwrap().is_empty());
}
