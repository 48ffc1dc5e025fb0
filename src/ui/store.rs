//! What the page keeps in this browser (IndexedDB): one value under each key, one request a transaction.

use idb::{Database, DatabaseEvent, Factory, ObjectStoreParams, TransactionMode};
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

/// Keeps a value under a key, in place of the one before.
pub async fn put(key: &str, value: &JsValue) -> Result<(), StoreError> {
    let database = open().await?;
    let written = async {
        let transaction = database.transaction(&[STORE], TransactionMode::ReadWrite)?;
        let store = transaction.object_store(STORE)?;
        store.put(value, Some(&key.into()))?.await?;
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

/// Forgets what is under a key.
pub async fn delete(key: &str) {
    let Ok(database) = open().await else { return };
    let gone = async {
        let transaction = database.transaction(&[STORE], TransactionMode::ReadWrite)?;
        let store = transaction.object_store(STORE)?;
        store.delete(JsValue::from(key))?.await?;
        transaction.commit()?.await
    };
    let _ = gone.await;
    database.close();
}
