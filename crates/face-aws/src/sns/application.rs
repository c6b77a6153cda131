//! Apps on devices, and the devices: platform applications and their endpoints.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use topics::{App, Device, NewApp, NewDevice};

use super::error::{invalid, of_topics};
use super::input::{PAGE, after, page};
use super::{Answer, Asked, arn};
use crate::protocol::Fault;

const PLATFORMS: [&str; 9] = [
    "ADM",
    "APNS",
    "APNS_SANDBOX",
    "APNS_VOIP",
    "APNS_VOIP_SANDBOX",
    "BAIDU",
    "GCM",
    "MACOS",
    "WNS",
];

/// What is told to nobody again.
const SECRET: [&str; 2] = ["PlatformCredential", "PlatformPrincipal"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    name: String,
    platform: String,
    attributes: BTreeMap<String, String>,
}

pub(super) async fn create(mut asked: Asked<'_>) -> Answer {
    let input: Create = asked.call.read()?;
    if !PLATFORMS.contains(&input.platform.as_str()) {
        let platform = &input.platform;
        return Err(invalid(format!(
            "Platform Reason: {platform} is not supported"
        )));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let name = &input.name;
    if name.is_empty() || name.len() > 256 || !name.bytes().all(plain) {
        return Err(invalid(
            "Name Reason: must be 1 to 256 letters, digits, _, - or .",
        ));
    }
    if !input.attributes.contains_key("PlatformCredential") {
        return Err(invalid(
            "Attributes Reason: Platform credentials are required",
        ));
    }
    let new = NewApp {
        space: asked.context.space.clone(),
        platform: input.platform,
        name: input.name,
        settings: input.attributes,
    };
    let app = asked.parts.topics.set_app(&new).await.map_err(of_topics)?;
    Ok(json!({ "PlatformApplicationArn": arn::of_app(&app) }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfApp {
    platform_application_arn: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    next_token: Option<String>,
}

fn find(asked: &Asked<'_>, name: &str) -> Result<App, Fault> {
    let (space, platform, name) = arn::app(name)?;
    let found = asked.parts.topics.app(&space, platform, name);
    found.map_err(of_topics)
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Answer {
    let input: OfApp = asked.call.read()?;
    let (space, platform, name) = arn::app(&input.platform_application_arn)?;
    let deleted = asked.parts.topics.delete_app(&space, platform, name);
    deleted.await.map_err(of_topics)?;
    Ok(json!({}))
}

pub(super) fn get(mut asked: Asked<'_>) -> Answer {
    let input: OfApp = asked.call.read()?;
    let app = find(&asked, &input.platform_application_arn)?;
    Ok(json!({ "Attributes": told(&app) }))
}

fn told(app: &App) -> BTreeMap<&str, &str> {
    let settings = app.settings.iter();
    let mut told: BTreeMap<&str, &str> = settings
        .filter(|(name, _)| !SECRET.contains(&name.as_str()))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    told.entry("Enabled").or_insert("true");
    told
}

pub(super) async fn set(mut asked: Asked<'_>) -> Answer {
    let input: OfApp = asked.call.read()?;
    let app = find(&asked, &input.platform_application_arn)?;
    let mut settings = app.settings;
    settings.extend(input.attributes);
    let new = NewApp {
        space: app.space,
        platform: app.platform,
        name: app.name,
        settings,
    };
    asked.parts.topics.set_app(&new).await.map_err(of_topics)?;
    Ok(json!({}))
}

/// There are few enough for one page.
pub(super) fn list(asked: &Asked<'_>) -> Answer {
    let apps = asked.parts.topics.apps(&asked.context.space);
    let printed: Vec<Value> = apps
        .map_err(of_topics)?
        .iter()
        .map(|app| json!({ "PlatformApplicationArn": arn::of_app(app), "Attributes": told(app) }))
        .collect();
    Ok(json!({ "PlatformApplications": printed }))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AddEndpoint {
    platform_application_arn: String,
    token: String,
    custom_user_data: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

pub(super) async fn add_endpoint(mut asked: Asked<'_>) -> Answer {
    let input: AddEndpoint = asked.call.read()?;
    let app = find(&asked, &input.platform_application_arn)?;
    let mut device = Device {
        id: String::new(),
        token: input.token,
        enabled: true,
        note: input.custom_user_data,
    };
    apply(&mut device, &input.attributes)?;
    let new = NewDevice {
        token: device.token,
        enabled: input
            .attributes
            .contains_key("Enabled")
            .then_some(device.enabled),
        note: device.note,
    };
    let added = asked.parts.topics.add_device(&app, &new).await;
    let device = added.map_err(of_topics)?;
    Ok(json!({ "EndpointArn": arn::of_endpoint(&app, &device.id) }))
}

fn apply(device: &mut Device, attributes: &BTreeMap<String, String>) -> Result<(), Fault> {
    for (name, value) in attributes {
        match name.as_str() {
            "Enabled" => {
                device.enabled = match value.to_ascii_lowercase().as_str() {
                    "true" => true,
                    "false" => false,
                    _ => {
                        return Err(invalid(
                            "Attributes Reason: Invalid value for attribute: Enabled",
                        ));
                    }
                }
            }
            "CustomUserData" => device.note = Some(value.clone()),
            "Token" => device.token.clone_from(value),
            other => {
                return Err(invalid(format!(
                    "Attributes Reason: Invalid attribute name: {other}"
                )));
            }
        }
    }
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfEndpoint {
    endpoint_arn: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

fn found(asked: &Asked<'_>, name: &str) -> Result<(App, Device), Fault> {
    let endpoint = arn::endpoint(name, "EndpointArn")?;
    let topics = &asked.parts.topics;
    let found = || {
        let app = topics.app(&endpoint.space, endpoint.platform, endpoint.app)?;
        let device = topics.device(&app, endpoint.id)?;
        Ok((app, device))
    };
    found().map_err(|error| match error {
        topics::Error::NoSuchApp(id) => of_topics(topics::Error::NoSuchDevice(id)),
        error => of_topics(error),
    })
}

pub(super) async fn delete_endpoint(mut asked: Asked<'_>) -> Answer {
    let input: OfEndpoint = asked.call.read()?;
    let endpoint = arn::endpoint(&input.endpoint_arn, "EndpointArn")?;
    let topics = &asked.parts.topics;
    match topics.app(&endpoint.space, endpoint.platform, endpoint.app) {
        // That it is not there is as it should be.
        Err(topics::Error::NoSuchApp(_)) => {}
        Err(error) => return Err(of_topics(error)),
        Ok(app) => {
            let deleted = topics.delete_device(&app, endpoint.id).await;
            deleted.map_err(of_topics)?;
        }
    }
    Ok(json!({}))
}

fn print(device: &Device) -> Value {
    let mut printed = json!({ "Token": device.token, "Enabled": device.enabled.to_string() });
    if let Some(note) = &device.note {
        printed["CustomUserData"] = note.clone().into();
    }
    printed
}

pub(super) fn get_endpoint(mut asked: Asked<'_>) -> Answer {
    let input: OfEndpoint = asked.call.read()?;
    let (_, device) = found(&asked, &input.endpoint_arn)?;
    Ok(json!({ "Attributes": print(&device) }))
}

pub(super) async fn set_endpoint(mut asked: Asked<'_>) -> Answer {
    let input: OfEndpoint = asked.call.read()?;
    let (app, device) = found(&asked, &input.endpoint_arn)?;
    apply(&mut device.clone(), &input.attributes)?;
    let changed = asked
        .parts
        .topics
        .change_device(&app, &device.id, |device| {
            // Looked at before; it is right for any device.
            let _ = apply(device, &input.attributes);
        });
    changed.await.map_err(of_topics)?;
    Ok(json!({}))
}

pub(super) fn list_endpoints(mut asked: Asked<'_>) -> Answer {
    let input: OfApp = asked.call.read()?;
    let app = find(&asked, &input.platform_application_arn)?;
    let after = after(input.next_token.as_deref())?;
    let devices = asked.parts.topics.devices(&app, after.as_deref(), PAGE);
    let devices = devices.map_err(of_topics)?;
    let printed = devices.iter().map(|device| {
        json!({
            "EndpointArn": arn::of_endpoint(&app, &device.id),
            "Attributes": print(device),
        })
    });
    let last = devices.last().map(|device| device.id.as_str());
    Ok(page("Endpoints", printed.collect(), last))
}
