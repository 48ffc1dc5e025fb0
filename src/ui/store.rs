//! What the page keeps in this browser (IndexedDB): one value under each key.

use idb::{Database, DatabaseEvent, Factory, KeyRange, ObjectStoreParams, Query, TransactionMode};
use wasm_bindgen::JsValue;

const DATABASE: &str = "railyard";
const STORE: &str = "runs";

/// Why something could not be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// There is no room left.
    Full,
    /// The browser keeps nothing: a private window, or a broken disk.
    Closed,
}

impl From<idb::Error> for StoreError {
    fn from(error: idb::Error) -> Self {
        if format!("{error:?}").contains("QuotaExceeded") {
            Self::Full
        } else {
            Self::Closed
        }
    }
}

async fn open() -> Result<Database, StoreError> {
    let mut request = Factory::new()?.open(DATABASE, Some(1))?;
    request.on_upgrade_needed(|event| {
        if let Ok(database) = event.database() {
            let _ = database.create_object_store(STORE, ObjectStoreParams::new());
        }
    });
    Ok(request.await?)
}

/// Keeps values under their keys, in place of those before: all of them or none.
pub async fn put(entries: &[(&str, &JsValue)]) -> Result<(), StoreError> {
    let database = open().await?;
    let written = async {
        let transaction = database.transaction(&[STORE], TransactionMode::ReadWrite)?;
        let store = transaction.object_store(STORE)?;
        for (key, value) in entries {
            store.put(value, Some(&(*key).into()))?.await?;
        }
        transaction.commit()?.await
    };
    let result = written.await;
    database.close();
    result?;
    Ok(())
}

/// The value under a key; none where there is none, or nothing is kept.
pub async fn get(key: &str) -> Option<JsValue> {
    let database = open().await.ok()?;
    let read = async {
        let transaction = database.transaction(&[STORE], TransactionMode::ReadOnly)?;
        let store = transaction.object_store(STORE)?;
        store.get(JsValue::from(key))?.await
    };
    let value = read.await;
    database.close();
    value.ok()?
}

/// The values under all keys that begin with `prefix`, in the keys' order; none where nothing is kept.
pub async fn all(prefix: &str) -> Vec<JsValue> {
    let Ok(database) = open().await else {
        return Vec::new();
    };
    let read = async {
        let transaction = database.transaction(&[STORE], TransactionMode::ReadOnly)?;
        let store = transaction.object_store(STORE)?;
        let end = format!("{prefix}\u{ffff}");
        let range = KeyRange::bound(&prefix.into(), &end.into(), None, None)?;
        store.get_all(Some(Query::KeyRange(range)), None)?.await
    };
    let values = read.await;
    database.close();
    values.unwrap_or_default()
}

/// Forgets what is under these keys.
pub async fn delete(keys: &[&str]) {
    let Ok(database) = open().await else { return };
    let gone = async {
        let transaction = database.transaction(&[STORE], TransactionMode::ReadWrite)?;
        let store = transaction.object_store(STORE)?;
        for key in keys {
            store.delete(JsValue::from(*key))?.await?;
        }
        transaction.commit()?.await
    };
    let _ = gone.await;
    database.close();
}
