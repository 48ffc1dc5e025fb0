//! A folder of pictures made into a data set: each sub-folder is a class. Pictures are decoded by the browser, one after
//! the other, and brought to grey pixels of one size.

use std::collections::BTreeMap;

use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement};

use super::datasets::{Files, OWN};
use crate::worker::message::Source;

/// Side of pictures that come in no size that can be kept.
const SIDE: u32 = 28;
/// Largest side that is kept as it is.
const MOST_SIDE: u32 = 64;
/// Most pictures.
const MOST: usize = 20_000;
/// Most bytes of one picture's file.
const MOST_BYTES: f64 = 32e6;
const ACCEPTED: &str = "accepted is a folder with two to 256 sub-folders, one for each class, of pictures that this browser can show (PNG, JPEG, WebP, GIF)";

/// A file with its path from the folder chosen.
pub type Found = (String, Blob);

struct Picture {
    pixels: Vec<u8>,
    scaled: bool,
}

/// What there is of a class.
#[derive(Default)]
struct Class {
    pictures: Vec<Vec<u8>>,
    /// Name and fault of the first file that is no picture, and how many there are.
    fault: Option<(String, &'static str)>,
    faulty: usize,
}

/// The class a file is of: the folder it lies in.
fn class(path: &str) -> Option<&str> {
    let mut parts = path.rsplit('/');
    let hidden = parts.next()?.starts_with('.');
    let folder = parts.next()?;
    // The folder chosen itself is no class.
    (!hidden && parts.next().is_some()).then_some(folder)
}

/// Asks the browser to decode a picture, to a size or as it is.
async fn bitmap(blob: &Blob, size: Option<(u32, u32)>) -> Option<JsValue> {
    let options = Object::new();
    if let Some((width, height)) = size {
        let _ = Reflect::set(&options, &"resizeWidth".into(), &width.into());
        let _ = Reflect::set(&options, &"resizeHeight".into(), &height.into());
        let _ = Reflect::set(&options, &"resizeQuality".into(), &"medium".into());
    }
    let window = gloo::utils::window();
    let create: Function = Reflect::get(&window, &"createImageBitmap".into())
        .ok()?
        .dyn_into()
        .ok()?;
    let promise: Promise = create
        .call2(&window, blob, &options)
        .ok()?
        .dyn_into()
        .ok()?;
    JsFuture::from(promise).await.ok()
}

fn sides(bitmap: &JsValue) -> Option<(u32, u32)> {
    let side = |name: &str| Some(Reflect::get(bitmap, &name.into()).ok()?.as_f64()? as u32);
    Some((side("width")?, side("height")?))
}

/// Draws pictures to read their pixels.
pub struct Easel {
    context: CanvasRenderingContext2d,
    size: (u32, u32),
}

impl Easel {
    /// One for pictures of this size.
    pub fn new(size: (u32, u32)) -> Option<Self> {
        let canvas = gloo::utils::document().create_element("canvas").ok()?;
        let canvas: HtmlCanvasElement = canvas.dyn_into().ok()?;
        canvas.set_width(size.0);
        canvas.set_height(size.1);
        let options = Object::new();
        let _ = Reflect::set(&options, &"willReadFrequently".into(), &JsValue::TRUE);
        let context = canvas
            .get_context_with_context_options("2d", &options)
            .ok()??;
        Some(Self {
            context: context.dyn_into().ok()?,
            size,
        })
    }

    /// Grey pixels on black.
    async fn take(&self, blob: &Blob) -> Result<Picture, &'static str> {
        const UNDECODED: &str = "the browser cannot decode it";
        if blob.size() > MOST_BYTES {
            return Err("it is larger than 32 MB");
        }
        let whole = bitmap(blob, None).await.ok_or(UNDECODED)?;
        let scaled = sides(&whole) != Some(self.size);
        let drawn = if scaled {
            bitmap(blob, Some(self.size)).await.ok_or(UNDECODED)?
        } else {
            whole
        };
        let arguments = Array::of3(&drawn, &0.into(), &0.into());
        let pixels = self.draw(&arguments).ok_or(UNDECODED)?;
        Ok(Picture { pixels, scaled })
    }

    /// Grey pixels on black of what `drawImage` draws with these arguments.
    pub fn draw(&self, arguments: &Array) -> Option<Vec<u8>> {
        let (width, height) = (f64::from(self.size.0), f64::from(self.size.1));
        self.context.set_fill_style_str("#000");
        self.context.fill_rect(0.0, 0.0, width, height);
        let draw: Function = Reflect::get(&self.context, &"drawImage".into())
            .ok()?
            .dyn_into()
            .ok()?;
        draw.apply(&self.context, arguments).ok()?;
        let data = self.context.get_image_data(0.0, 0.0, width, height);
        let data = data.ok()?.data();
        let grey = |rgba: &[u8]| {
            let [r, g, b] = [rgba[0], rgba[1], rgba[2]].map(u32::from);
            ((299 * r + 587 * g + 114 * b + 500) / 1000) as u8
        };
        Some(data.chunks_exact(4).map(grey).collect())
    }
}

/// Calls a method that answers through two functions, one for what it found and one for errors.
async fn answer(of: &JsValue, name: &str) -> Option<JsValue> {
    let method: Function = Reflect::get(of, &name.into()).ok()?.dyn_into().ok()?;
    let promise = Promise::new(&mut |resolve, reject| {
        let _ = method.call2(of, &resolve, &reject);
    });
    JsFuture::from(promise).await.ok()
}

/// The files of folders that were dropped, with their paths.
pub async fn walk(folders: &Array) -> Vec<Found> {
    let get = |of: &JsValue, name: &str| Reflect::get(of, &name.into()).unwrap_or_default();
    // Several folders are the classes of one that nobody named.
    let root = if folders.length() > 1 { "dropped" } else { "" };
    let mut found = vec![];
    let mut open: Vec<JsValue> = folders.iter().collect();
    while let Some(entry) = open.pop() {
        if found.len() > MOST {
            break;
        }
        if get(&entry, "isFile").is_truthy() {
            let path = get(&entry, "fullPath").as_string().unwrap_or_default();
            let file = answer(&entry, "file").await;
            if let Some(blob) = file.and_then(|file| file.dyn_into::<Blob>().ok()) {
                let path = format!("{root}{path}");
                found.push((path.trim_start_matches('/').to_string(), blob));
            }
            continue;
        }
        let create: Result<Function, _> = get(&entry, "createReader").dyn_into();
        let reader = create.ok().and_then(|create| create.call0(&entry).ok());
        let Some(reader) = reader else { continue };
        // A reader gives a hundred at a time.
        while let Some(more) = answer(&reader, "readEntries").await {
            let more = Array::from(&more);
            if more.length() == 0 {
                break;
            }
            open.extend(more.iter());
        }
    }
    found
}

fn refused(text: String) -> String {
    text + "; " + ACCEPTED + "."
}

/// Decodes a folder. `going` is told how many of how many files are done, and says whether to go on.
///
/// # Errors
/// A sentence that says what was wrong and what is accepted; nothing if it was broken off.
pub async fn read(
    files: Vec<Found>,
    going: impl Fn(usize, usize) -> bool,
) -> Result<Files, Option<String>> {
    let mut files: Vec<(String, Found)> = files
        .into_iter()
        .filter_map(|found| Some((class(&found.0)?.to_string(), found)))
        .collect();
    // Folders list their files in no order of their own.
    files.sort_unstable_by(|a, b| (&a.0, &a.1.0).cmp(&(&b.0, &b.1.0)));
    let total = files.len();
    if total == 0 {
        return Err(Some(refused(
            "The folder has no sub-folders with pictures in them".into(),
        )));
    }
    if total > MOST {
        return Err(Some(refused(format!(
            "The folder has {total} files, of which at most {MOST} are read"
        ))));
    }
    let mut size = None;
    for (_, (_, blob)) in &files {
        if blob.size() <= MOST_BYTES
            && let Some(first) = bitmap(blob, None).await
        {
            size = sides(&first);
            break;
        }
    }
    let small = |(width, height): &(u32, u32)| {
        (1..=MOST_SIDE).contains(width) && (1..=MOST_SIDE).contains(height)
    };
    let size = size.filter(small).unwrap_or((SIDE, SIDE));
    let easel = Easel::new(size).ok_or_else(|| {
        Some("This browser gives the page no canvas to decode pictures on.".to_string())
    })?;
    let mut classes: BTreeMap<String, Class> = BTreeMap::new();
    let mut scaled = 0;
    for (done, (name, (path, blob))) in files.into_iter().enumerate() {
        if !going(done, total) {
            return Err(None);
        }
        let class = classes.entry(name).or_default();
        match easel.take(&blob).await {
            Ok(picture) => {
                scaled += usize::from(picture.scaled);
                class.pictures.push(picture.pixels);
            }
            Err(fault) => {
                class.faulty += 1;
                class.fault.get_or_insert((path, fault));
            }
        }
    }
    together(&classes, size, scaled).map_err(Some)
}

/// The data set, and what is to be said of it.
fn together(
    classes: &BTreeMap<String, Class>,
    (width, height): (u32, u32),
    scaled: usize,
) -> Result<Files, String> {
    let mut said = vec![];
    let faulty: usize = classes.values().map(|class| class.faulty).sum();
    if let Some((path, fault)) = classes.values().find_map(|class| class.fault.clone()) {
        said.push(format!(
            "left out: {faulty} of the files, first {path} ({fault})"
        ));
    }
    let empty: Vec<&str> = classes
        .iter()
        .filter(|(_, class)| class.pictures.is_empty())
        .map(|(name, _)| name.as_str())
        .collect();
    if !empty.is_empty() {
        said.push(format!("without a picture: {}", empty.join(", ")));
    }
    let there: Vec<(&String, &Class)> = classes
        .iter()
        .filter(|(_, class)| !class.pictures.is_empty())
        .collect();
    if !(2..=256).contains(&there.len()) {
        said.insert(
            0,
            format!("The folder has {} classes with pictures", there.len()),
        );
        return Err(refused(said.join("; ")));
    }
    let count: usize = there.iter().map(|(_, class)| class.pictures.len()).sum();
    if scaled > 0 {
        said.push(format!("{scaled} pictures of other sizes were scaled"));
    }
    said.insert(
        0,
        format!(
            "{count} pictures of {height} × {width} in {} classes",
            there.len()
        ),
    );
    let pixels: Vec<u8> = there
        .iter()
        .flat_map(|(_, class)| class.pictures.concat())
        .collect();
    let labels: Vec<u8> = there
        .iter()
        .enumerate()
        .flat_map(|(k, (_, class))| vec![k as u8; class.pictures.len()])
        .collect();
    let blob = |bytes: &[u8]| {
        let parts = Array::of1(&Uint8Array::from(bytes));
        Blob::new_with_u8_array_sequence(&parts).map_err(|_| {
            "This browser has no memory left for the pictures; choose fewer.".to_string()
        })
    };
    Ok(Files {
        name: OWN.into(),
        source: Source::Pictures {
            classes: there.iter().map(|(name, _)| (*name).clone()).collect(),
            height,
            width,
            said: said.join("; ") + ".",
        },
        blobs: vec![blob(&pixels)?, blob(&labels)?],
        classes: vec![],
    })
}
