//! The container of iden3's binary files: a magic word, a version, sections of a type and a length.

use ark_ff::{BigInteger, PrimeField};

use crate::error::{BinaryFault, Error};

/// Writes a file of sections.
pub(crate) fn write(magic: &[u8; 4], version: u32, sections: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut out = magic.to_vec();
    out.extend(version.to_le_bytes());
    out.extend((sections.len() as u32).to_le_bytes());
    for (kind, body) in sections {
        out.extend(kind.to_le_bytes());
        out.extend((body.len() as u64).to_le_bytes());
        out.extend(body);
    }
    out
}

/// A field element as 32 bytes, least significant first.
pub(crate) fn number<F: PrimeField>(value: &F) -> Vec<u8> {
    value.into_bigint().to_bytes_le()
}

/// The modulus as 32 bytes, least significant first.
pub(crate) fn modulus<F: PrimeField>() -> Vec<u8> {
    F::MODULUS.to_bytes_le()
}

/// The sections of a file, found and not yet read.
#[derive(Debug)]
pub(crate) struct Sections<'a> {
    format: &'static str,
    found: Vec<(u32, &'a [u8])>,
}

impl<'a> Sections<'a> {
    pub(crate) fn read(
        format: &'static str,
        magic: &[u8; 4],
        version: u32,
        bytes: &'a [u8],
    ) -> Result<Self, Error> {
        let mut reader = Reader {
            format,
            rest: bytes,
        };
        if reader.take(4)? != magic {
            return Err(reader.fault(BinaryFault::Magic));
        }
        if reader.u32()? != version {
            return Err(reader.fault(BinaryFault::Version));
        }
        let count = reader.u32()?;
        let mut found: Vec<(u32, &[u8])> = Vec::new();
        for _ in 0..count {
            let (kind, length) = (reader.u32()?, reader.u64()?);
            let length =
                usize::try_from(length).map_err(|_| reader.fault(BinaryFault::Truncated))?;
            if found.iter().any(|(known, _)| *known == kind) {
                return Err(reader.fault(BinaryFault::Twice));
            }
            found.push((kind, reader.take(length)?));
        }
        if !reader.rest.is_empty() {
            return Err(reader.fault(BinaryFault::Length));
        }
        Ok(Self { format, found })
    }

    pub(crate) fn section(&self, kind: u32) -> Result<Reader<'a>, Error> {
        let section = self.found.iter().find(|(known, _)| *known == kind);
        let Some((_, rest)) = section else {
            return Err(Error::Binary {
                format: self.format,
                problem: BinaryFault::Missing,
            });
        };
        Ok(Reader {
            format: self.format,
            rest,
        })
    }
}

/// Reads a section from front to back.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    format: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, n: usize) -> Result<&'a [u8], Error> {
        let split = self.rest.split_at_checked(n);
        let (head, rest) = split.ok_or_else(|| self.fault(BinaryFault::Truncated))?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Error> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Error> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    /// Requires the modulus of `F` in 32 bytes, after its length.
    pub(crate) fn field<F: PrimeField>(&mut self) -> Result<(), Error> {
        let same = self.u32()? == 32 && self.take(32)? == modulus::<F>();
        if same {
            Ok(())
        } else {
            Err(self.fault(BinaryFault::Curve))
        }
    }

    /// What was not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Requires that everything was read.
    pub(crate) fn end(&self) -> Result<(), Error> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.fault(BinaryFault::Length))
        }
    }

    pub(crate) fn fault(&self, problem: BinaryFault) -> Error {
        Error::Binary {
            format: self.format,
            problem,
        }
    }
}
