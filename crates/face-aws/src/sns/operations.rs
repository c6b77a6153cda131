//! Which file does which operation.

use super::{
    Answer, Asked, application, batch, policy, publish, settings, subscribe, subscription, tags,
    text, topic,
};

pub(super) async fn answer(asked: Asked<'_>) -> Answer {
    match asked.call.operation.name {
        "CreateTopic" => topic::create(asked).await,
        "DeleteTopic" => topic::delete(asked).await,
        "ListTopics" => topic::list(asked),
        "GetTopicAttributes" => settings::get(asked),
        "SetTopicAttributes" => settings::set(asked).await,
        "GetDataProtectionPolicy" => settings::data_protection(asked),
        "AddPermission" => policy::add(asked).await,
        "RemovePermission" => policy::remove(asked).await,
        "ListTagsForResource" => tags::list(asked),
        "TagResource" => tags::add(asked).await,
        "UntagResource" => tags::remove(asked).await,
        "Subscribe" => subscribe::subscribe(asked).await,
        "ConfirmSubscription" => subscribe::confirm(asked).await,
        "Unsubscribe" => subscribe::unsubscribe(asked).await,
        "ListSubscriptions" => subscription::list(asked),
        "ListSubscriptionsByTopic" => subscription::list_by_topic(asked),
        "GetSubscriptionAttributes" => subscription::get(asked),
        "SetSubscriptionAttributes" => subscription::set(asked).await,
        "Publish" => publish::publish(asked).await,
        "PublishBatch" => batch::publish(asked).await,
        "CreatePlatformApplication" => application::create(asked).await,
        "DeletePlatformApplication" => application::delete(asked).await,
        "GetPlatformApplicationAttributes" => application::get(asked),
        "SetPlatformApplicationAttributes" => application::set(asked).await,
        "ListPlatformApplications" => application::list(&asked),
        "CreatePlatformEndpoint" => application::add_endpoint(asked).await,
        "DeleteEndpoint" => application::delete_endpoint(asked).await,
        "GetEndpointAttributes" => application::get_endpoint(asked),
        "SetEndpointAttributes" => application::set_endpoint(asked).await,
        "ListEndpointsByPlatformApplication" => application::list_endpoints(asked),
        "GetSMSAttributes" => text::get(asked),
        "SetSMSAttributes" => text::set(asked).await,
        "CheckIfPhoneNumberIsOptedOut" => text::is_opted_out(asked),
        "ListPhoneNumbersOptedOut" => Ok(text::opted_out()),
        "ListOriginationNumbers" => Ok(text::origins()),
        "GetSMSSandboxAccountStatus" => Ok(text::sandbox()),
        "CreateSMSSandboxPhoneNumber" => text::add_number(asked).await,
        "VerifySMSSandboxPhoneNumber" => text::prove_number(asked).await,
        "DeleteSMSSandboxPhoneNumber" => text::delete_number(asked).await,
        "ListSMSSandboxPhoneNumbers" => text::numbers(&asked),
        // OptInPhoneNumber: nobody can opt out here, as no text arrives. PutDataProtectionPolicy: nothing is looked for.
        _ => Err(asked.call.unknown()),
    }
}
