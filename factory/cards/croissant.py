"""Describes a corpus in Croissant 1.1, JSON-LD for data set search and loaders (https://mlcommons.org/croissant/1.1).

The publisher adds the facts that the specification requires and the folder lacks (`url`, `creator`, `datePublished`).
"""

from __future__ import annotations

import pyarrow as pa

from factory.cards.facts import CorpusFacts, FormatFile
from factory.core.documents import JsonObject
from factory.corpus.row import FACTS, INDEX_SCHEMA, SCHEMA

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
_MEDIA = {"parquet": "application/x-parquet", "webdataset": "application/x-tar"}
_TYPES = {pa.string(): "sc:Text", pa.int64(): "sc:Integer", pa.float64(): "sc:Float"}
_SPLITS = {"train": "cr:TrainingSplit", "dev": "cr:ValidationSplit", "test": "cr:TestSplit"}

# Matches the split in a shard's name, or a bare split: mlcroissant applies the expression twice, and warns if it does
# not match. It uses only these classes and repetitions, since readers convert it to a file pattern.
_SPLIT_OF_FILE = r"^(?:.+-)?([^-.]+)(?:-.+\.parquet)?$"

# Croissant's own terms, so that they need no prefix.
_TERMS = """annotation arrayShape citeAs column containedIn equivalentProperty excludes extract field fileProperty
fileObject fileSet format includes isArray isLiveDataset jsonPath key md5 parentField path readLines recordSet
references regex repeated replace samplingRate sdVersion separator source subField transform unArchive value"""
CONTEXT: JsonObject = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "conformsTo": "dct:conformsTo",
    "description": {"@container": "@language"},
    "name": {"@container": "@language"},
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS.split()},
}

CITATION = (
    "@inproceedings{ge2024difffas, title={DiffFAS: Face Anti-Spoofing via Generative Diffusion Models}, author={Ge, "
    "Xinxu and others}, booktitle={European Conference on Computer Vision}, year={2024}}"
)


def croissant(facts: CorpusFacts) -> JsonObject:
    """Return the JSON-LD document of a corpus, made from its `corpus_facts`."""
    all_rendered = facts.rendered is not None and facts.rendered.pictures == facts.rows
    kind = "Generated spoof faces" if facts.generated else "Rendered faces" if all_rendered else "Face images"
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [CONFORMS_TO, "http://mlcommons.org/croissant/RAI/1.0"],
        "name": facts.title,
        "description": f"{kind} for face anti-spoofing: {facts.rows} images, {len(facts.styles)} styles.",
        "version": "1.0.0",
        "license": sorted(facts.licenses) if facts.hub_license is None else facts.hub_license,
        "usageInfo": f"Strictest of the sources' licences: {facts.license}. The column license has it by image.",
        "keywords": [
            "face anti-spoofing",
            "presentation attack detection",
            *(["synthetic"] if facts.generated or facts.rendered else []),
        ],
        "citeAs": CITATION,
        "isLiveDataset": False,
        **_provenance(facts),
        **_responsible(facts),
        "distribution": _distribution(facts),
        "recordSet": _record_sets(facts),
    }


def _distribution(facts: CorpusFacts) -> list[JsonObject]:
    """Return every file with its hash; the Parquet files once more as the set from which records are read."""
    files: list[FormatFile] = [{**facts.index, "format": "parquet"}, *facts.files]
    objects: list[JsonObject] = [
        {
            "@type": "cr:FileObject",
            "@id": file["path"],
            "name": file["path"],
            "contentUrl": file["path"],
            "contentSize": f"{file['bytes']} B",
            "encodingFormat": _MEDIA[file["format"]],
            "sha256": file["sha256"],
        }
        for file in files
    ]
    sets: list[JsonObject] = [
        {
            "@type": "cr:FileSet",
            "@id": "shards",
            "name": "shards",
            "description": "The images with their columns.",
            "encodingFormat": _MEDIA["parquet"],
            "includes": "data/*.parquet",
        }
    ]
    return objects + (sets if "parquet" in facts.formats else [])


def _record_sets(facts: CorpusFacts) -> list[JsonObject]:
    """Return the splits, the index and, if there are Parquet files, the images."""
    splits: JsonObject = {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            {"@type": "cr:Field", "@id": "splits/name", "name": "name", "dataType": "sc:Text"},
            {"@type": "cr:Field", "@id": "splits/url", "name": "url", "dataType": "sc:URL"},
        ],
        "data": [{"splits/name": split, "splits/url": _SPLITS.get(split, f"cr:{split}")} for split in facts.splits],
    }
    index = _records(
        "index", "Every image without its pixels, with its shard and place.", {"fileObject": "index.parquet"}
    )
    if "parquet" not in facts.formats:
        return [splits, index]
    return [splits, index, _records("images", "Every image with all that is known of it.", {"fileSet": "shards"})]


def _records(name: str, description: str, where: dict[str, str]) -> JsonObject:
    [(kind, place)] = where.items()
    schema = INDEX_SCHEMA if name == "index" else pa.schema([*(SCHEMA.field(fact) for fact in FACTS)])
    fields = [_field(name, column.name, _TYPES[column.type], kind, place) for column in schema]
    if name == "images":
        fields.append(_field(name, "image", "sc:ImageObject", kind, place))
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": description,
        "key": {"@id": f"{name}/key"},
        "field": fields,
    }


def _field(records: str, column: str, kind: str, container: str, place: str) -> JsonObject:
    source: JsonObject = {container: {"@id": place}, "extract": {"column": column}}
    if column == "image":
        source["transform"] = {"jsonPath": "bytes"}
    if column == "split" and container == "fileSet":  # from the name, to read one split without the others
        source |= {"extract": {"fileProperty": "filename"}, "transform": {"regex": _SPLIT_OF_FILE}}
    field: JsonObject = {
        "@type": "cr:Field",
        "@id": f"{records}/{column}",
        "name": column,
        "dataType": [kind, "cr:Label"] if column == "label" else kind,
        "source": source,
    }
    if column == "split":
        field["references"] = {"field": {"@id": "splits/name"}}
    if column in ("live_key", "guide_key"):
        field["equivalentProperty"] = "prov:wasDerivedFrom"
    return field


def _provenance(facts: CorpusFacts) -> JsonObject:
    """Return W3C PROV: the sources by domain and licence, and the run that made images from them."""
    derived = [
        {
            "@type": "prov:Entity",
            "prov:label": f"{source.role} of domain {source.domain}",
            "license": source.license,
        }
        for source in facts.sources
    ]
    recipe = facts.recipe
    activity: JsonObject = {
        "@type": "prov:Activity",
        "prov:label": f"difffas {facts.job}",
        "identifier": facts.fingerprint,
        "prov:wasAssociatedWith": {
            "@type": "prov:SoftwareAgent",
            "prov:label": "DiffFAS factory",
            "softwareVersion": facts.software.get("difffas-factory", "unknown"),
        },
    }
    if recipe:
        activity["prov:used"] = [
            {"@type": "prov:Entity", "prov:label": "generator", "identifier": digest} for digest in recipe.generator
        ]
        activity["description"] = f"sampled by {', '.join(recipe.sampler)}"
    if recipe and recipe.t0 and recipe.cfg_scale:
        activity["description"] = (
            f"T0 {recipe.t0[0]} to {recipe.t0[1]}, w {recipe.cfg_scale[0]} to {recipe.cfg_scale[1]}, "
            f"{', '.join(map(str, recipe.steps))} steps of {', '.join(recipe.sampler)}"
        )
    return {"prov:wasDerivedFrom": derived, "prov:wasGeneratedBy": activity}


def _responsible(facts: CorpusFacts) -> JsonObject:
    """Return the terms of the responsible AI vocabulary, limited to facts in the folder."""
    synthetic = bool(facts.generated or facts.rendered)
    verb = "generated" if facts.generated else "rendered"
    built_in = {
        "dummy": "the dummy generator, which tints pixels,",
        "recolour": "a generator without a network, which moves colours and sharpness,",
        "simulate": "a generator without a network, which simulates physical attacks,",
    }
    names = facts.recipe.generator if facts.recipe is not None else []
    maker = built_in.get(names[0], "a diffusion model") if len(names) == 1 else "a diffusion model"
    made = f"Images are made by {maker} from a live face and a guide image; every one says so in its XMP."
    if facts.invented:
        made = "Pairs of a live face and a spoof of people who do not exist are sampled by a variational autoencoder."
    if facts.rendered:
        rendered = "Pictures of people who do not exist are rendered from geometry; every one says so in its XMP."
        made = f"{made} {rendered}" if facts.generated else rendered
    taken = "Photographs or frames of videos, cropped around the face; how they were collected is the sources' to say."
    kinds = ["Synthetic Data Generation" if synthetic else "Secondary Data Analysis"]
    if facts.rendered and facts.rendered.pictures + facts.generated < facts.rows:
        made = f"{made} {facts.rendered.pictures} of {facts.rows} images are rendered; with them are photographs."
        kinds.append("Secondary Data Analysis")
    auc = facts.size_auc
    return {
        "rai:dataCollection": made if synthetic else taken,
        "rai:dataCollectionType": kinds,
        "rai:dataPreprocessingProtocol": [f"Square face crops of {facts.side} pixels, {', '.join(facts.codecs)}."],
        "rai:machineAnnotationTools": [f"BRISQUE: {name}" for name in facts.brisque_impl],
        "rai:dataBiases": [
            "People, cameras and attacks are those of the sources; what they lack is lacking here.",
            "The size of the compressed image is not evened out between live and spoof"
            + (f": AUC {auc:.3f}." if auc is not None else "."),
        ],
        "rai:dataLimitations": [
            f"A {verb} spoof is a model's idea of an attack: test on real ones."
            if synthetic
            else "Attacks are those that were recorded."
        ],
        "rai:dataUseCases": ["Training and testing of presentation attack detection; not for recognising people."],
        "rai:dataSocialImpact": "Better presentation attack detection protects people's accounts; "
        "the same images could be used to probe a detector.",
        "rai:personalSensitiveInformation": ["Images show faces: biometric data, where the sources show real people."],
    }
