"""What readers are fuzzed with: small files of every format, ways to damage them, and files that were made to do harm.

Every seed is a folder and the one file in it that is damaged and opened, so that pairs and DICOMDIRs have their
neighbours. The same number gives the same mutant on every machine.
"""

import gzip
import io
import random
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import pydicom
import tifffile
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.uid import DeflatedExplicitVRLittleEndian

from tests.unit.synthetic import SeriesSpec, pattern, write_classic, write_enhanced, write_lgg, write_nifti
from tumorview.core.geometry import Geometry

GRID = Geometry.from_spacing((5, 6, 7), (3, 1, 1))
EXTREMES = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\xff\x7f\xff\x7f")
NUMBERS = (b"99999999", b"-1", b"0", b"nan", b"1e308", b"../../x")

Make = Callable[[Path], Path]


def _saved(name: str, save: Callable[[Path], object]) -> Make:
    def make(folder: Path) -> Path:
        save(folder / name)
        return folder / name

    return make


def _pydicom(name: str) -> Make:
    return lambda folder: Path(shutil.copy(get_testdata_file(name), folder / name))


def _picture(path: Path) -> None:
    Image.fromarray(pattern((20, 20), np.uint8)).save(path)


def _nrrd(path: Path, encoding: str) -> None:
    header = {"space": "left-posterior-superior", "space directions": np.eye(3), "space origin": [1, 2, 3]}
    nrrd.write(str(path), pattern((4, 6, 5)), {**header, "encoding": encoding})


def _metaimage(path: Path) -> None:
    text = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nCompressedData = True\nTransformMatrix = 1 0 0 0 1 0 0 0 1\n"
        "Offset = 1 2 3\nElementSpacing = 1 1 2\nDimSize = 5 6 4\nElementType = MET_SHORT\nElementDataFile = "
    )
    content = zlib.compress(pattern((4, 6, 5)).astype("<i2").tobytes())
    if path.suffix == ".mha":
        path.write_bytes(f"{text}LOCAL\n".encode() + content)
    else:
        path.write_text(f"{text}a.zraw\n")
        path.with_name("a.zraw").write_bytes(content)


def _analyze(path: Path) -> None:
    nib.save(nib.AnalyzeImage(pattern((4, 5, 6)), np.eye(4)), path)


def _zip(path: Path) -> None:
    with tempfile.TemporaryDirectory() as name, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in write_classic(Path(name) / "s", SeriesSpec(pattern((2, 8, 8)))):
            archive.write(file, f"PAT/SER/{file.stem}")
        archive.write(write_nifti(Path(name) / "a.nii.gz", pattern((5, 6, 7)), GRID), "a.nii.gz")


def _dicomdir(folder: Path) -> Path:
    (file,) = write_classic(folder, SeriesSpec(pattern((1, 8, 8))))
    file.rename(folder / "IMG1")
    return write_dicomdir(folder / "DICOMDIR", [["IMG1"], ["GONE"]])


def write_dicomdir(path: Path, references: list[list[str]]) -> Path:
    """A DICOMDIR that names these files, whatever they are."""
    directory = pydicom.dataset.FileDataset(None, {}, preamble=b"\0" * 128)
    directory.file_meta = pydicom.dataset.FileMetaDataset()
    directory.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    directory.file_meta.MediaStorageSOPClassUID = pydicom.uid.MediaStorageDirectoryStorage
    directory.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    directory.DirectoryRecordSequence = []
    with pydicom.config.disable_value_validation():  # this is what a file that does harm looks like
        for reference in references:
            record = pydicom.Dataset()
            record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", reference
            directory.DirectoryRecordSequence.append(record)
        directory.save_as(path, enforce_file_format=True)
    return path


SEEDS: dict[str, Make] = {
    "classic.dcm": lambda folder: write_classic(folder, SeriesSpec(pattern((1, 16, 16))))[0],
    "enhanced.dcm": lambda folder: write_enhanced(folder / "e.dcm", SeriesSpec(pattern((4, 10, 12)))),
    "implicit.dcm": _pydicom("MR_small_implicit.dcm"),
    "bigendian.dcm": _pydicom("MR_small_bigendian.dcm"),
    "deflated.dcm": _pydicom("image_dfl.dcm"),
    "rle.dcm": _pydicom("MR_small_RLE.dcm"),
    "jpeg.dcm": _pydicom("SC_rgb_jpeg.dcm"),
    "j2k.dcm": _pydicom("MR_small_jp2klossless.dcm"),
    "dicomdir": _dicomdir,
    "a.nii": _saved("a.nii", lambda path: write_nifti(path, pattern((5, 6, 7)), GRID)),
    "a.nii.gz": _saved("a.nii.gz", lambda path: write_nifti(path, pattern((5, 6, 7)), GRID)),
    "two.nii": _saved("two.nii", lambda path: nib.save(nib.Nifti2Image(pattern((5, 6, 7)), np.eye(4)), path)),
    "analyze.hdr": _saved("a.hdr", _analyze),
    "a.nrrd": _saved("a.nrrd", lambda path: _nrrd(path, "gzip")),
    "raw.nrrd": _saved("a.nrrd", lambda path: _nrrd(path, "raw")),
    "a.mha": _saved("a.mha", _metaimage),
    "a.mhd": _saved("a.mhd", _metaimage),
    "a.tif": _saved("a.tif", lambda p: tifffile.imwrite(p, pattern((5, 6, 7), np.uint16), photometric="minisblack")),
    "p_1.tif": lambda folder: write_lgg(folder, "p", slices=1, size=64) / "p_1.tif",
    "a.png": _saved("a.png", _picture),
    "a.jpg": _saved("a.jpg", _picture),
    "a.zip": _saved("a.zip", _zip),
}
SLOW_SEEDS: dict[str, Make] = {  # whose decoder is a process of its own
    "jpegls.dcm": _pydicom("MR_small_jpeg_ls_lossless.dcm"),
}


def mutated(content: bytes, rng: random.Random) -> bytes:
    """``content`` with a few bytes changed, cut, repeated or set to extremes, half of the time near the header."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        place = rng.randrange(len(data) if rng.random() < 0.5 else min(len(data), 1500))
        kind = rng.random()
        if kind < 0.45:
            data[place] ^= 1 << rng.randrange(8)
        elif kind < 0.58:
            del data[max(place, 1) :]
        elif kind < 0.75:
            data[place : place + 4] = rng.choice(EXTREMES)
        elif kind < 0.8:
            number = rng.choice(NUMBERS)
            data[place : place + len(number)] = number
        elif kind < 0.9:
            del data[place + 1 : place + rng.randrange(2, 40)]
        else:
            start = rng.randrange(len(data))
            data[place:place] = data[start : start + rng.randrange(1, 60)]
    return bytes(data)


@cache
def _seed_folder(name: str) -> tuple[tempfile.TemporaryDirectory[str], str]:
    """The folder with the seed, kept as long as the process lives, and the file in it."""
    holder = tempfile.TemporaryDirectory(prefix="tumorview-seed-")
    make = SEEDS.get(name) or SLOW_SEEDS[name]
    return holder, str(make(Path(holder.name)).relative_to(holder.name))


def write_mutant(name: str, number: int, folder: Path) -> Path:
    """Mutant ``number`` of the seed ``name``, with the seed's neighbours, in the new ``folder``."""
    holder, file = _seed_folder(name)
    shutil.copytree(holder.name, folder)
    target = folder / file
    target.write_bytes(mutated(target.read_bytes(), random.Random(f"{name} {number}")))
    return target


# -------------------------------------------------------------------------------------------------- made to do harm
def _nifti_header(dims: tuple[int, ...], code: int = 4, bits: int = 16, slope: float = 0.0) -> bytes:
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, len(dims), *dims, *(1,) * (7 - len(dims)))
    struct.pack_into("<2h", header, 70, code, bits)
    struct.pack_into("<8f", header, 76, *(1.0,) * 8)
    struct.pack_into("<3f", header, 108, 352.0, slope, 1.0)
    header[344:348] = b"n+1\0"
    return bytes(header)


def _bytes(name: str, content: Callable[[], bytes]) -> Make:
    return _saved(name, lambda path: path.write_bytes(content()))


def _zip_of(*entries: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _lying_zip() -> bytes:
    """An archive whose entry claims 100 bytes and unpacks to 64 MB."""
    content = bytearray(_zip_of(("a.nii", bytes(64 * 2**20))))
    for magic, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.rindex(magic) + place, 100)
    return bytes(content)


def _symlink_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("a.nii")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return buffer.getvalue()


def _png_bomb() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packed = zlib.compress(bytes(16001 * 16000), 9)
    header = struct.pack(">2I5B", 16000, 16000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def _tiff(*entries: tuple[int, int], after: int = 0) -> bytes:
    """A TIFF of one page with these tags; ``after`` is where it says the next page is."""
    fields = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + fields + struct.pack("<I", after)


def _huge_dicom(**values: int) -> Make:
    def edit(dataset: pydicom.Dataset, _: int) -> None:
        for keyword, value in values.items():
            setattr(dataset, keyword, value)

    return lambda folder: write_classic(folder, SeriesSpec(pattern((1, 8, 8))), edit=edit)[0]


def _deflate_bomb(folder: Path) -> Path:
    (path,) = write_classic(folder, SeriesSpec(pattern((1, 8, 8))))
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
    content = path.read_bytes()
    body = 144 + int.from_bytes(content[140:144], "little")
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = b"".join(packer.compress(bytes(2**20)) for _ in range(300)) + packer.flush()
    path.write_bytes(content[:body] + packed)
    return path


def _deep_sequences(folder: Path) -> Path:
    (path,) = write_classic(folder, SeriesSpec(pattern((1, 8, 8))))
    sequence = b"\x40\x00\x75\x02SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"\xe0\x7f\x10\x00")] + sequence * 20_000)
    return path


def _outside_dicomdir(folder: Path) -> Path:
    write_classic(folder / "disc", SeriesSpec(pattern((1, 8, 8))))
    write_classic(folder / "outside", SeriesSpec(pattern((1, 8, 8))))
    return write_dicomdir(folder / "disc" / "DICOMDIR", [["..", "outside", "X"], ["/etc/passwd"], ["C:\\x"]])


HOSTILE: dict[str, Make] = {
    "nifti_of_18_gigabytes": _bytes("a.nii", lambda: _nifti_header((30000, 30000, 10)) + bytes(25)),
    "gzip_bomb": _bytes("a.nii.gz", lambda: gzip.compress(_nifti_header((1000, 1000, 300)) + bytes(10**6))),
    "gzip_bomb_below_the_limit_but_scaled": _bytes(
        "a.nii.gz", lambda: gzip.compress(_nifti_header((500, 500, 1000), 2, 8, 0.5) + bytes(25 * 10**7))
    ),
    "nifti_of_many_volumes": _bytes("a.nii", lambda: _nifti_header((1, 1, 1, 30000, 30000)) + bytes(9)),
    "png_bomb": _bytes("a.png", _png_bomb),
    "tiff_of_many_pixels": _bytes("a.tif", lambda: _tiff(*((tag, 2**31 - 1) for tag in (256, 257, 279)))),
    "tiff_whose_pages_go_in_a_circle": _bytes("a.tif", lambda: _tiff((256, 4), (257, 4), after=8)),
    "nrrd_of_many_voxels": _bytes(
        "a.nrrd", lambda: b"NRRD0004\ntype: float\ndimension: 3\nsizes: 99999 99999 99999\nencoding: raw\n\n1234"
    ),
    "nrrd_bomb": _bytes(
        "a.nrrd",
        lambda: (
            b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 1000 1000 1000\nencoding: gzip\nendian: little\n\n"
            + gzip.compress(bytes(10**6))
        ),
    ),
    "metaimage_outside": _bytes(
        "a.mhd",
        lambda: (
            b"ObjectType = Image\nNDims = 3\nDimSize = 1 1 1\nElementType = MET_CHAR\n"
            b"ElementDataFile = ../../../etc/passwd\n"
        ),
    ),
    "zip_that_leads_outside": _bytes("a.zip", lambda: _zip_of(("../../evil.nii", b"x"))),
    "zip_with_an_absolute_path": _bytes("a.zip", lambda: _zip_of(("/tmp/evil.nii", b"x"))),
    "zip_with_a_drive": _bytes("a.zip", lambda: _zip_of(("C:\\evil.nii", b"x"))),
    "zip_with_backslashes": _bytes("a.zip", lambda: _zip_of(("..\\..\\evil.nii", b"x"))),
    "zip_with_a_link": _bytes("a.zip", _symlink_zip),
    "zip_bomb": _bytes("a.zip", lambda: _zip_of(("a.nii", bytes(300 * 2**20)))),
    "zip_that_lies": _bytes("a.zip", _lying_zip),
    "zip_in_zip_in_zip": _bytes("a.zip", lambda: _zip_of(("b.zip", _zip_of(("c.zip", _zip_of(("d.nii", b"x"))))))),
    "zip_of_many_empty_files": _bytes("a.zip", lambda: _zip_of(*((f"{n}.dcm", b"") for n in range(3000)))),
    "dicom_of_many_pixels": _huge_dicom(Rows=65535, Columns=65535),
    "dicom_of_many_frames": _huge_dicom(NumberOfFrames=2**31 - 1),
    "dicom_of_no_bits": _huge_dicom(BitsAllocated=0, BitsStored=0),
    "deflate_bomb": _deflate_bomb,
    "sequences_in_sequences": _deep_sequences,
    "dicomdir_that_leads_outside": _outside_dicomdir,
}
