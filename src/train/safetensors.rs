//! The safetensors format: the length of a JSON header, the header, and the tensors' bytes one after
//! another (<https://github.com/huggingface/safetensors>). Written as the reference library writes it: types
//! by descending width, then by name, the header padded to eight bytes.

use serde::{Deserialize, Serialize};

use crate::json::{self, Json};

/// Most bytes of a header.
const MAX_HEADER: usize = 100_000_000;
/// Bytes of the header's length.
const LENGTH: usize = 8;
/// The entry of the header that holds texts instead of a tensor.
const METADATA: &str = "__metadata__";

/// Types of the tensors that are written, the widest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dtype {
    /// 32-bit floating point.
    F32,
    /// 16-bit unsigned integers.
    U16,
}

impl Dtype {
    /// Its name in a header.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::U16 => "U16",
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::U16 => 2,
        }
    }
}

/// A tensor to be written; its bytes fit its shape.
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its type.
    pub dtype: Dtype,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values, little-endian.
    pub bytes: Vec<u8>,
}

/// A tensor in a header.
#[derive(Serialize, Deserialize)]
struct Info {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

/// A file of these tensors with one text of metadata.
pub fn write(entries: Vec<Entry>, (key, text): (&str, String)) -> Vec<u8> {
    let mut sorted: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries {
        let before =
            |other: &Entry| (other.dtype, other.name.as_str()) < (entry.dtype, entry.name.as_str());
        sorted.insert(sorted.partition_point(before), entry);
    }
    let metadata = Json::Object(vec![(key.into(), Json::Text(text))]);
    let mut header = format!("{{\"{METADATA}\":{}", json::write(&metadata));
    let mut end = 0;
    for entry in &sorted {
        let start = end;
        end += entry.bytes.len();
        let info = Info {
            dtype: entry.dtype.name().into(),
            shape: entry.shape.clone(),
            data_offsets: [start, end],
        };
        push(&mut header, &entry.name, &info);
    }
    let data: Vec<&[u8]> = sorted.iter().map(|entry| &entry.bytes[..]).collect();
    assemble(header, &data)
}

/// A file with one more text of metadata, or another in its place; the tensors stay as they are.
pub fn with_metadata(file: &[u8], key: &str, text: String) -> Result<Vec<u8>, String> {
    let read = SafeTensors::read(file)?;
    let mut texts = match read.metadata {
        Json::Object(texts) => texts,
        _ => Vec::new(),
    };
    texts.retain(|(other, _)| other != key);
    texts.push((key.into(), Json::Text(text)));
    let mut header = format!("{{\"{METADATA}\":{}", json::write(&Json::Object(texts)));
    for (name, info) in &read.tensors {
        push(&mut header, name, info);
    }
    Ok(assemble(header, &[read.data]))
}

/// Adds a tensor to a header.
fn push(header: &mut String, name: &str, info: &Info) {
    for part in [",", &json::write(name), ":", &json::write(info)] {
        header.push_str(part);
    }
}

/// The file of a header that lacks its end, and of what follows it.
fn assemble(mut header: String, data: &[&[u8]]) -> Vec<u8> {
    header.push('}');
    while !header.len().is_multiple_of(LENGTH) {
        header.push(' ');
    }
    let bytes: usize = data.iter().map(|part| part.len()).sum();
    let mut file = Vec::with_capacity(LENGTH + header.len() + bytes);
    file.extend((header.len() as u64).to_le_bytes());
    file.extend(header.as_bytes());
    for part in data {
        file.extend(*part);
    }
    file
}

/// A file whose header was read.
pub struct SafeTensors<'a> {
    metadata: Json,
    tensors: Vec<(String, Info)>,
    data: &'a [u8],
}

impl<'a> SafeTensors<'a> {
    /// Reads the header; every tensor then lies within the file.
    pub fn read(file: &'a [u8]) -> Result<Self, String> {
        let (length, rest) = file
            .split_first_chunk::<LENGTH>()
            .ok_or("it is shorter than the length of a header")?;
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        if length > MAX_HEADER || length > rest.len() {
            return Err(format!("a header of {length} bytes does not fit it"));
        }
        let (header, data) = rest.split_at(length);
        let header = json::parse(header).map_err(|error| format!("its header: {error}"))?;
        let Json::Object(header) = header else {
            return Err("its header is no object".into());
        };
        let mut metadata = Json::Null;
        let mut tensors = Vec::new();
        let mut end = 0;
        for (name, json) in header {
            if name == METADATA {
                metadata = json;
                continue;
            }
            let info: Info = json::from_value(&json)
                .map_err(|error| format!("tensor {name} in its header: {error}"))?;
            let [start, stop] = info.data_offsets;
            if start > stop || stop > data.len() {
                return Err(format!("tensor {name} does not lie within it"));
            }
            end = end.max(stop);
            tensors.push((name, info));
        }
        if end != data.len() {
            return Err("its tensors do not fill it".into());
        }
        Ok(Self {
            metadata,
            tensors,
            data,
        })
    }

    /// A text of the metadata.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        match self.metadata.get(key)? {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Name, type and shape of every tensor, in the file's order.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &str, &[usize])> {
        self.tensors
            .iter()
            .map(|(name, info)| (name.as_str(), info.dtype.as_str(), &info.shape[..]))
    }

    /// The bytes of a tensor of this type and shape.
    pub fn tensor(&self, name: &str, dtype: Dtype, shape: &[usize]) -> Result<&'a [u8], String> {
        let found = self.tensors.iter().find(|(other, _)| other == name);
        let (_, info) = found.ok_or_else(|| format!("the checkpoint lacks tensor {name}"))?;
        let wanted = dtype.name();
        if info.dtype != wanted || info.shape != shape {
            return Err(format!(
                "tensor {name} is {} of shape {:?}; {wanted} of shape {shape:?} is accepted",
                info.dtype, info.shape
            ));
        }
        let [start, end] = info.data_offsets;
        if end - start != shape.iter().product::<usize>() * dtype.bytes() {
            return Err(format!(
                "tensor {name} has {} bytes, which do not fit its shape {shape:?}",
                end - start
            ));
        }
        Ok(&self.data[start..end])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use safetensors::tensor::TensorView;

    use super::*;

    fn entries() -> Vec<Entry> {
        let entry = |name: &str, dtype: Dtype, shape: &[usize]| Entry {
            name: name.into(),
            dtype,
            shape: shape.to_vec(),
            bytes: (0..shape.iter().product::<usize>() * dtype.bytes())
                .map(|k| k as u8)
                .collect(),
        };
        vec![
            entry("b", Dtype::U16, &[3]),
            entry("c \"quoted\"", Dtype::F32, &[2, 3]),
            entry("a", Dtype::F32, &[1]),
            entry("empty", Dtype::F32, &[0]),
        ]
    }

    #[test]
    fn a_file_is_the_reference_librarys_to_the_byte() {
        let ours = write(entries(), ("railyard", "{\"x\":1}".into()));
        let entries = entries();
        let views = entries.iter().map(|entry| {
            let dtype = match entry.dtype {
                Dtype::F32 => safetensors::Dtype::F32,
                Dtype::U16 => safetensors::Dtype::U16,
            };
            let view = TensorView::new(dtype, entry.shape.clone(), &entry.bytes).unwrap();
            (entry.name.as_str(), view)
        });
        let metadata = HashMap::from([("railyard".to_owned(), "{\"x\":1}".to_owned())]);
        let theirs = safetensors::serialize(views, Some(metadata)).unwrap();
        assert_eq!(ours, theirs);

        let read = SafeTensors::read(&theirs).unwrap();
        assert_eq!(read.metadata("railyard"), Some("{\"x\":1}"));
        assert_eq!(read.metadata("other"), None);
        for entry in &entries {
            let bytes = read.tensor(&entry.name, entry.dtype, &entry.shape);
            assert_eq!(bytes, Ok(entry.bytes.as_slice()));
        }
        let wrong = |name, dtype, shape: &[usize]| read.tensor(name, dtype, shape).unwrap_err();
        assert!(wrong("d", Dtype::F32, &[1]).contains("lacks tensor d"));
        assert!(wrong("b", Dtype::F32, &[3]).contains("is U16 of shape [3]"));
        assert!(wrong("a", Dtype::F32, &[2]).contains("is F32 of shape [1]"));
    }

    #[test]
    fn metadata_is_added_and_replaced() {
        let file = write(entries(), ("railyard", "{\"x\":1}".into()));
        let once = with_metadata(&file, "more", "first".into()).unwrap();
        let twice = with_metadata(&once, "more", "a \"second\"\n".into()).unwrap();
        // The reference library reads it, and every tensor is as it was.
        let theirs = safetensors::SafeTensors::deserialize(&twice).unwrap();
        for entry in entries() {
            assert_eq!(theirs.tensor(&entry.name).unwrap().data(), entry.bytes);
        }
        let read = SafeTensors::read(&twice).unwrap();
        assert_eq!(read.metadata("railyard"), Some("{\"x\":1}"));
        assert_eq!(read.metadata("more"), Some("a \"second\"\n"));
        assert!(with_metadata(b"nothing", "more", String::new()).is_err());
    }

    proptest! {
        #[test]
        fn a_damaged_file_is_refused_or_read_without_a_panic(at in 0_usize..400, byte in any::<u8>(), cut in 0_usize..400) {
            let mut file = write(entries(), ("railyard", "text".into()));
            let at = at % file.len();
            file[at] = byte;
            for file in [&file[..], &file[..cut.min(file.len())]] {
                if let Ok(read) = SafeTensors::read(file) {
                    for entry in entries() {
                        let _ = read.tensor(&entry.name, entry.dtype, &entry.shape);
                    }
                }
            }
        }
    }
}
