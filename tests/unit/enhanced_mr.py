"""What an Enhanced MR object must say beyond pixels and geometry, so that ``dciodvfy`` finds nothing missing."""

from typing import Any

from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import generate_uid

MOMENT = "20200101120000"
_ROOT = {
    "ManufacturerModelName": "Phantom",
    "DeviceSerialNumber": "1",
    "SoftwareVersions": "1",
    "ContentDate": "20200101",
    "ContentTime": "120000",
    "AcquisitionDateTime": MOMENT,
    "AcquisitionDuration": 60.0,
    "ContentQualification": "RESEARCH",
    "ResonantNucleus": "1H",
    "KSpaceFiltering": "NONE",
    "MagneticFieldStrength": 3.0,
    "ApplicableSafetyStandardAgency": "IEC",
    "PixelPresentation": "MONOCHROME",
    "VolumetricProperties": "VOLUME",
    "VolumeBasedCalculationTechnique": "NONE",
    "ComplexImageComponent": "MAGNITUDE",
    "BurnedInAnnotation": "NO",
    "LossyImageCompression": "00",
    "PresentationLUTShape": "IDENTITY",
    "PulseSequenceName": "tir2d",
    "EchoPulseSequence": "SPIN",
    "MultipleSpinEcho": "NO",
    "MultiPlanarExcitation": "NO",
    "PhaseContrast": "NO",
    "TimeOfFlightContrast": "NO",
    "SteadyStatePulseSequence": "NONE",
    "EchoPlanarPulseSequence": "NO",
    "SaturationRecovery": "NO",
    "SpectrallySelectedSuppression": "NONE",
    "OversamplingPhase": "NONE",
    "GeometryOfKSpaceTraversal": "RECTILINEAR",
    "RectilinearPhaseEncodeReordering": "LINEAR",
    "SegmentedKSpaceTraversal": "SINGLE",
    "NumberOfKSpaceTrajectories": 1,
    "AcquisitionContextSequence": [],
    "ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
}
_CLASSIC_ONLY = (
    "ScanningSequence",
    "SequenceVariant",
    "ScanOptions",
    "EchoTrainLength",
    "EchoTime",
    "RepetitionTime",
    "EchoNumbers",
)


def item(**values: Any) -> Dataset:
    """A sequence item with these values."""
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def _shared_macros() -> dict[str, Dataset]:
    return {
        "FrameAnatomySequence": item(FrameLaterality="U", AnatomicRegionSequence=[_code("12738006", "SCT", "Brain")]),
        "PixelValueTransformationSequence": item(RescaleIntercept="0", RescaleSlope="1", RescaleType="US"),
        "MRImageFrameTypeSequence": item(
            FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
            PixelPresentation="MONOCHROME",
            VolumetricProperties="VOLUME",
            VolumeBasedCalculationTechnique="NONE",
            ComplexImageComponent="MAGNITUDE",
            AcquisitionContrast="FLUID_ATTENUATED",
        ),
        "MRTimingAndRelatedParametersSequence": item(
            RepetitionTime="9000",
            FlipAngle="90",
            EchoTrainLength="1",
            RFEchoTrainLength=1,
            GradientEchoTrainLength=0,
            GradientOutputType="DB_DT",
            GradientOutput=1.0,
            SpecificAbsorptionRateSequence=[
                item(SpecificAbsorptionRateDefinition="IEC_WHOLE_BODY", SpecificAbsorptionRateValue=1.0)
            ],
            OperatingModeSequence=[
                item(OperatingModeType="GRADIENT", OperatingMode="IEC_NORMAL"),
                item(OperatingModeType="RF", OperatingMode="IEC_NORMAL"),
            ],
        ),
        "MREchoSequence": item(EffectiveEchoTime=120.0),
        "MRModifierSequence": item(
            InversionRecovery="YES",
            InversionTimes=2500.0,
            FlowCompensation="NONE",
            Spoiling="NONE",
            T2Preparation="NO",
            SpectrallySelectedExcitation="NONE",
            SpatialPresaturation="NONE",
            PartialFourier="NO",
            ParallelAcquisition="NO",
        ),
        "MRImagingModifierSequence": item(
            MagnetizationTransfer="NONE",
            BloodSignalNulling="NO",
            Tagging="NONE",
            TransmitterFrequency=123.0,
            PixelBandwidth="100",
        ),
        "MRReceiveCoilSequence": item(
            ReceiveCoilName="HEAD", ReceiveCoilManufacturerName="", ReceiveCoilType="VOLUME", QuadratureReceiveCoil="NO"
        ),
        "MRTransmitCoilSequence": item(
            TransmitCoilName="BODY", TransmitCoilManufacturerName="", TransmitCoilType="BODY"
        ),
        "MRAveragesSequence": item(NumberOfAverages="1"),
        "MRFOVGeometrySequence": item(
            InPlanePhaseEncodingDirection="ROW",
            MRAcquisitionFrequencyEncodingSteps=256,
            MRAcquisitionPhaseEncodingStepsInPlane=256,
            PercentSampling="100",
            PercentPhaseFieldOfView="100",
        ),
    }


def complete(dataset: FileDataset) -> None:
    """Add to an Enhanced MR object whatever it must have and does not."""
    for keyword in _CLASSIC_ONLY:
        if keyword in dataset:
            delattr(dataset, keyword)
    for keyword, value in _ROOT.items():
        if keyword not in dataset or keyword == "ImageType":
            setattr(dataset, keyword, value)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    frames = dataset.PerFrameFunctionalGroupsSequence
    for keyword, macro in _shared_macros().items():
        if keyword not in shared and keyword not in frames[0]:
            setattr(shared, keyword, [macro])
    _add_dimension(dataset)
    for number, groups in enumerate(frames):
        content = groups.FrameContentSequence[0]
        content.DimensionIndexValues = [number + 1]
        content.FrameReferenceDateTime = content.FrameAcquisitionDateTime = MOMENT
        content.FrameAcquisitionDuration = 60.0


def _add_dimension(dataset: FileDataset) -> None:
    uid = generate_uid()
    dataset.DimensionOrganizationSequence = [item(DimensionOrganizationUID=uid)]
    dataset.DimensionIndexSequence = [
        item(DimensionIndexPointer=0x00200032, FunctionalGroupPointer=0x00209113, DimensionOrganizationUID=uid)
    ]
