//! Apps on people's devices.

use std::collections::BTreeMap;

use base::Space;
use store::Read;

use crate::schema::{APPS, App, DEVICES, Device, DeviceId, TOKENS, app_key, devices_of, token_key};
use crate::{Error, Result, Topics};

/// An app that is wanted.
#[derive(Clone, Debug)]
pub struct NewApp {
    pub space: Space,
    pub platform: String,
    pub name: String,
    pub settings: BTreeMap<String, String>,
}

/// A device that is wanted.
#[derive(Clone, Debug)]
pub struct NewDevice {
    pub token: String,
    /// None for those of a device that is there already.
    pub enabled: Option<bool>,
    pub note: Option<String>,
}

impl Topics {
    /// Makes the app, or makes it what it should be now.
    pub async fn set_app(&self, new: &NewApp) -> Result<App> {
        let app = App {
            space: new.space.clone(),
            platform: new.platform.clone(),
            name: new.name.clone(),
            settings: new.settings.clone(),
        };
        self.store
            .write(|tx| {
                APPS.put(tx, app_key(&app.space, &app.platform, &app.name), &app);
                Ok::<_, Error>(())
            })
            .await?;
        Ok(app)
    }

    pub fn app(&self, space: &Space, platform: &str, name: &str) -> Result<App> {
        find_app(&self.store.read()?, space, platform, name)
    }

    pub fn apps(&self, space: &Space) -> Result<Vec<App>> {
        let all = APPS.key().str(space.as_str()).range();
        let found = APPS.scan(&self.store.read()?, &all, usize::MAX)?;
        Ok(found.into_iter().map(|(_, app)| app).collect())
    }

    /// Removes the app and its devices. That there is none is no error.
    pub async fn delete_app(&self, space: &Space, platform: &str, name: &str) -> Result<()> {
        self.store
            .write(|tx| {
                let app = match find_app(tx, space, platform, name) {
                    Err(Error::NoSuchApp(_)) => return Ok(()),
                    app => app?,
                };
                for (key, device) in DEVICES.scan(tx, &devices_of(&app).range(), usize::MAX)? {
                    tx.delete(key);
                    TOKENS.delete(tx, token_key(&app, &device.token));
                }
                APPS.delete(tx, app_key(space, platform, name));
                Ok(())
            })
            .await
    }

    /// Makes a device known. One with its token that says the same is the one.
    pub async fn add_device(&self, app: &App, new: &NewDevice) -> Result<Device> {
        let id = self.random.uuid().to_string();
        self.store
            .write(|tx| {
                find_app(tx, &app.space, &app.platform, &app.name)?;
                let by_token = token_key(app, &new.token);
                if let Some(DeviceId(id)) = TOKENS.get(tx, &by_token)? {
                    let there = find_device(tx, app, &id)?;
                    let same = new
                        .note
                        .as_ref()
                        .is_none_or(|note| there.note.as_ref() == Some(note))
                        && new.enabled.is_none_or(|enabled| there.enabled == enabled);
                    return if same {
                        Ok(there)
                    } else {
                        Err(Error::DeviceDiffers(id))
                    };
                }
                let device = Device {
                    id: id.clone(),
                    token: new.token.clone(),
                    enabled: new.enabled.unwrap_or(true),
                    note: new.note.clone(),
                };
                TOKENS.put(tx, by_token, &DeviceId(id.clone()));
                DEVICES.put(tx, devices_of(app).str(&id), &device);
                Ok(device)
            })
            .await
    }

    pub fn device(&self, app: &App, id: &str) -> Result<Device> {
        find_device(&self.store.read()?, app, id)
    }

    /// As [`Topics::device`], with its app, of what `from` sees.
    pub fn device_in(
        &self,
        from: &impl Read,
        space: &Space,
        (platform, app): (&str, &str),
        id: &str,
    ) -> Result<Device> {
        find_device(from, &find_app(from, space, platform, app)?, id)
    }

    /// Up to `limit` devices after the one with this id.
    pub fn devices(&self, app: &App, after: Option<&str>, limit: usize) -> Result<Vec<Device>> {
        let all = devices_of(app).range();
        let rest = match after {
            Some(after) => all.after(devices_of(app).str(after).as_slice()),
            None => all,
        };
        let found = DEVICES.scan(&self.store.read()?, &rest, limit)?;
        Ok(found.into_iter().map(|(_, device)| device).collect())
    }

    pub async fn change_device(
        &self,
        app: &App,
        id: &str,
        change: impl Fn(&mut Device),
    ) -> Result<()> {
        self.store
            .write(|tx| {
                let mut device = find_device(tx, app, id)?;
                TOKENS.delete(tx, token_key(app, &device.token));
                change(&mut device);
                TOKENS.put(tx, token_key(app, &device.token), &DeviceId(id.to_owned()));
                DEVICES.put(tx, devices_of(app).str(id), &device);
                Ok(())
            })
            .await
    }

    /// That there is none is no error.
    pub async fn delete_device(&self, app: &App, id: &str) -> Result<()> {
        self.store
            .write(|tx| {
                match find_device(tx, app, id) {
                    Err(Error::NoSuchDevice(_)) => return Ok(()),
                    device => TOKENS.delete(tx, token_key(app, &device?.token)),
                }
                DEVICES.delete(tx, devices_of(app).str(id));
                Ok(())
            })
            .await
    }
}

fn find_app(from: &impl Read, space: &Space, platform: &str, name: &str) -> Result<App> {
    APPS.get(from, &app_key(space, platform, name))?
        .ok_or_else(|| Error::NoSuchApp(name.to_owned()))
}

fn find_device(from: &impl Read, app: &App, id: &str) -> Result<Device> {
    DEVICES
        .get(from, &devices_of(app).str(id))?
        .ok_or_else(|| Error::NoSuchDevice(id.to_owned()))
}
