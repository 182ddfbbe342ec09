"""What PS3.15 asks for: attributes by the action of the Basic Profile.

Facts of DICOM PS3.15 table E.1-1 (edition 2024b), by keyword of PS3.6, in our own
order: one block per action code. Where the table leaves a choice (``X/Z``), the code
stays as it is there; :mod:`regml.imaging.deid.profile` says what we do.
Curves (50xx), overlays (60xx) and private attributes are handled by group.
"""

EDITION = "2024b"
"""The edition of PS3.15 that the blocks below follow."""

BASIC_PROFILE: dict[str, str] = {
    "X": """
        AffectedSOPInstanceUID InstanceCoercionDateTime OverlayDate CurveDate
        OverlayTime CurveTime RetrieveAETitle StationAETitle InstitutionAddress
        ReferringPhysicianAddress ReferringPhysicianTelephoneNumbers
        ReferringPhysicianIdentificationSequence
        ConsultingPhysicianIdentificationSequence NetworkID SeriesDescription
        StudyDescription InstitutionalDepartmentName
        InstitutionalDepartmentTypeCodeSequence PhysiciansOfRecord
        PhysiciansOfRecordIdentificationSequence PerformingPhysicianName
        PerformingPhysicianIdentificationSequence NameOfPhysiciansReadingStudy
        PhysiciansReadingStudyIdentificationSequence
        AdmittingDiagnosesDescription AdmittingDiagnosesCodeSequence
        PyramidDescription ReferencedPatientSequence DerivationDescription
        IdentifyingComments TimezoneOffsetFromUTC IssuerOfPatientID
        PatientBirthTime PatientInsurancePlanCodeSequence
        PatientPrimaryLanguageCodeSequence
        PatientPrimaryLanguageModifierCodeSequence OtherPatientIDs
        OtherPatientNames OtherPatientIDsSequence PatientBirthName PatientAge
        PatientSize PatientWeight PatientAddress InsurancePlanIdentification
        PatientMotherBirthName MilitaryRank BranchOfService MedicalRecordLocator
        ReferencedPatientPhotoSequence MedicalAlerts Allergies
        CountryOfResidence RegionOfResidence PatientTelephoneNumbers
        PatientTelecomInformation EthnicGroup Occupation SmokingStatus
        AdditionalPatientHistory PregnancyStatus LastMenstrualDate
        PatientReligiousPreference ResponsiblePerson ResponsibleOrganization
        PatientComments IssuerOfClinicalTrialProtocolID
        OtherClinicalTrialProtocolIDsSequence IssuerOfClinicalTrialSiteID
        IssuerOfClinicalTrialSubjectID IssuerOfClinicalTrialSubjectReadingID
        ClinicalTrialTimePointDescription IssuerOfClinicalTrialTimePointID
        ClinicalTrialSeriesID ClinicalTrialSeriesDescription
        IssuerOfClinicalTrialSeriesID
        ClinicalTrialProtocolEthicsCommitteeApprovalNumber
        EthicsCommitteeApprovalEffectivenessStartDate
        EthicsCommitteeApprovalEffectivenessEndDate CalibrationTime
        CalibrationDate MakerNote DeviceSettingDescription CameraOwnerName
        LensSpecification LensMake LensModel LensSerialNumber GPSVersionID
        GPSLatitudeRef GPSLatitude GPSLongitudeRef GPSLongitude GPSAltitudeRef
        GPSAltitude GPSTimeStamp GPSSatellites GPSStatus GPSMeasureMode GPSDOP
        GPSSpeedRef GPSSpeed GPSTrackRef GPSTrack GPSImgDirectionRef
        GPSImgDirection GPSMapDatum GPSDestLatitudeRef GPSDestLatitude
        GPSDestLongitudeRef GPSDestLongitude GPSDestBearingRef GPSDestBearing
        GPSDestDistanceRef GPSDestDistance GPSProcessingMethod
        GPSAreaInformation GPSDateStamp GPSDifferential InterventionDrugStopTime
        InterventionDrugStartTime PlateID GeneratorID CassetteID GantryID
        UniqueDeviceIdentifier UDISequence DateOfSecondaryCapture
        TimeOfSecondaryCapture ContrastBolusStartTime ContrastBolusStopTime
        RadiopharmaceuticalStartTime RadiopharmaceuticalStopTime
        RadiopharmaceuticalStartDateTime RadiopharmaceuticalStopDateTime
        DateOfLastCalibration TimeOfLastCalibration DateTimeOfLastCalibration
        DateOfManufacture DateOfInstallation AcquisitionComments
        TransducerIdentificationSequence
        RespiratoryMotionCompensationTechniqueDescription XRayDetectorLabel
        MultienergyAcquisitionDescription DecompositionDescription
        AcquisitionProtocolDescription RequestedSeriesDescription
        ContributionDateTime ContributionDescription PyramidLabel
        ModifyingDeviceID ModifiedImageDate ModifiedImageTime
        ModifiedImageDescription ImageComments FrameComments
        ImagePresentationComments StudyIDIssuer StudyVerifiedDate
        StudyVerifiedTime StudyReadDate StudyReadTime ScheduledStudyStartDate
        ScheduledStudyStartTime ScheduledStudyStopDate ScheduledStudyStopTime
        ScheduledStudyLocation ScheduledStudyLocationAETitle ReasonForStudy
        RequestingPhysician RequestingService StudyArrivalDate StudyArrivalTime
        StudyCompletionDate StudyCompletionTime ReasonForVisit
        ReasonForVisitCodeSequence RequestedContrastAgent StudyComments
        ReferencedPatientAliasSequence AdmissionID IssuerOfAdmissionID
        IssuerOfAdmissionIDSequence ScheduledAdmissionDate
        ScheduledAdmissionTime ScheduledDischargeDate ScheduledDischargeTime
        ScheduledPatientInstitutionResidence AdmittingDate AdmittingTime
        DischargeDate DischargeTime DischargeDiagnosisDescription SpecialNeeds
        ServiceEpisodeID IssuerOfServiceEpisodeID ServiceEpisodeDescription
        IssuerOfServiceEpisodeIDSequence CurrentPatientLocation
        PatientInstitutionResidence PatientState VisitComments
        WaveformFilterDescription FilterLookupTableDescription
        ScheduledStationAETitle ScheduledProcedureStepStartDate
        ScheduledProcedureStepStartTime ScheduledProcedureStepEndDate
        ScheduledProcedureStepEndTime ScheduledPerformingPhysicianName
        ScheduledProcedureStepDescription ScheduledProcedureStepID
        ScheduledPerformingPhysicianIdentificationSequence ScheduledStationName
        ScheduledProcedureStepLocation PreMedication PerformedStationAETitle
        PerformedStationName PerformedLocation PerformedProcedureStepStartDate
        PerformedProcedureStepStartTime PerformedProcedureStepEndDate
        PerformedProcedureStepEndTime PerformedProcedureStepID
        PerformedProcedureStepDescription RequestAttributesSequence
        CommentsOnThePerformedProcedureStep CommentsOnRadiationDose
        SpecimenAccessionNumber ContainerDescription SpecimenShortDescription
        SpecimenDetailedDescription SlideIdentifier RequestedProcedureID
        ReasonForTheRequestedProcedure PatientTransportArrangements
        RequestedProcedureLocation ReasonForRequestedProcedureCodeSequence
        NamesOfIntendedRecipientsOfResults
        IntendedRecipientsOfResultsIdentificationSequence PersonAddress
        PersonTelephoneNumbers PersonTelecomInformation
        RequestedProcedureComments ReasonForTheImagingServiceRequest
        IssueDateOfImagingServiceRequest IssueTimeOfImagingServiceRequest
        OrderEnteredBy OrderEntererLocation OrderCallbackPhoneNumber
        OrderCallbackTelecomInformation ImagingServiceRequestComments
        ConfidentialityConstraintOnPatientDataDescription
        ScheduledProcedureStepStartDateTime
        ScheduledProcedureStepExpirationDateTime
        ScheduledProcedureStepModificationDateTime ExpectedCompletionDateTime
        ScheduledStationNameCodeSequence
        ScheduledStationGeographicLocationCodeSequence
        PerformedStationNameCodeSequence
        PerformedStationGeographicLocationCodeSequence
        ScheduledHumanPerformersSequence ActualHumanPerformersSequence
        HumanPerformerOrganization HumanPerformerName
        PerformedProcedureStepStartDateTime PerformedProcedureStepEndDateTime
        ProcedureStepCancellationDateTime FindingsGroupRecordingDateTrial
        FindingsGroupRecordingTimeTrial ObservationStartDateTime
        AuthorObserverSequence ParticipantSequence CustodialOrganizationSequence
        DateOfDocumentOrVerbalTransactionTrial
        TimeOfDocumentCreationOrVerbalTransactionTrial ObservationDateTrial
        ObservationTimeTrial CurrentObserverTrial VerbalSourceTrial AddressTrial
        TelephoneNumberTrial VerbalSourceIdentifierCodeSequenceTrial
        TemplateVersion TemplateLocalVersion HL7DocumentEffectiveTime
        ApprovalStatusDateTime ProductExpirationDateTime
        SubstanceAdministrationDateTime AssertionExpirationDateTime
        ContainerComponentID DeviceDescription LongDeviceDescription
        AnnotationGroupDescription PresentationCreationDate
        PresentationCreationTime ContentCreatorIdentificationCodeSequence
        ReceivingAE RequestingAE IconImageSequence TopicTitle TopicSubject
        TopicAuthor TopicKeywords SOPAuthorizationDateTime CertifiedTimestamp
        ReferencedDigitalSignatureSequence ReferencedSOPInstanceMACSequence MAC
        ModifiedAttributesSequence NonconformingModifiedAttributesSequence
        NonconformingDataElementValue OriginalAttributesSequence
        InstanceOriginStatus TextString CreationDate CreationTime Originator
        PositionAcquisitionTemplateName PositionAcquisitionTemplateDescription
        StructureSetName StructureSetDescription ROIDescription ROIDateTime
        ROIObservationDateTime ROIGenerationDescription ROICreatorSequence
        ROIInterpreterSequence ROIObservationLabel ROIObservationDescription
        RTPlanName RTPlanDescription TreatmentSites PrescriptionDescription
        DoseReferenceDescription FractionGroupDescription BeamDescription
        BolusDescription FixationDeviceDescription ShieldingDeviceDescription
        SetupTechniqueDescription SourceManufacturer CompensatorDescription
        EquipmentFrameOfReferenceDescription
        PatientTreatmentPreparationProcedureParameterDescription
        PatientTreatmentPreparationMethodDescription
        PatientSetupPhotoDescription DisplacementReferenceLabel
        ReasonForOmissionDescription EntityName EntityDescription
        PriorTreatmentDoseDescription IntendedFractionStartTime Arbitrary
        TextComments ResultsID ResultsIDIssuer InterpretationRecordedDate
        InterpretationRecordedTime InterpretationRecorder
        InterpretationTranscriptionDate InterpretationTranscriptionTime
        InterpretationTranscriber InterpretationText InterpretationAuthor
        InterpretationApproverSequence InterpretationApprovalDate
        InterpretationApprovalTime PhysicianApprovingInterpretation
        InterpretationDiagnosisDescription ResultsDistributionListSequence
        DistributionName DistributionAddress InterpretationID
        InterpretationIDIssuer Impressions ResultsComments
        DigitalSignaturesSequence DataSetTrailingPadding
    """,
    "Z": """
        StudyDate StudyTime AccessionNumber ReferringPhysicianName
        ConsultingPhysicianName PatientName PatientBirthDate PatientSex
        ClinicalTrialProtocolName ClinicalTrialSiteID ClinicalTrialSiteName
        ClinicalTrialTimePointID ClinicalTrialCoordinatingCenterName
        CalibrationDateTime StudyID IssuerOfTheContainerIdentifierSequence
        IssuerOfTheSpecimenIdentifierSequence SpecimenPreparationSequence
        PlacerOrderNumberImagingServiceRequest
        FillerOrderNumberImagingServiceRequest ParticipationDateTime
        VerifyingObserverIdentificationCodeSequence SourceOfPreviousValues
        StructureSetDate StructureSetTime ROIName ROIInterpreter
        RTAccessoryHolderSlotID RTAccessoryDeviceSlotID
        RadiationGenerationModeDescription ReviewDate ReviewTime
        ConceptualVolumeCombinationDescription ConceptualVolumeDescription
        DeviceAlternateIdentifier ManufacturerDeviceIdentifier
        RTPhysicianIntentNarrative ReasonForSuperseding TreatmentTechniqueNotes
        PrescriptionNotes FractionationNotes PrescriptionNotesSequence
    """,
    "D": """
        ContextGroupVersion ContextGroupLocalVersion ClinicalTrialSponsorName
        ClinicalTrialProtocolID ClinicalTrialSubjectID
        ClinicalTrialSubjectReadingID ClinicalTrialProtocolEthicsCommitteeName
        AcquisitionFieldOfViewLabel FrameAcquisitionDateTime
        FrameReferenceDateTime XRaySourceID SourceStartDateTime
        SourceEndDateTime XRayDetectorID FunctionalSyncPulse
        DecayCorrectionDateTime ExclusionStartDateTime FlowIdentifierSequence
        FlowIdentifier SourceIdentifier FrameOriginTimestamp
        ImpedanceMeasurementDateTime ContainerIdentifier SpecimenIdentifier
        PersonIdentificationCodeSequence VerifyingOrganization
        VerificationDateTime VerifyingObserverSequence VerifyingObserverName
        DateTime Date Time PersonName ReferencedDateTime ContentSequence
        EncapsulatedDocument AssertionDateTime EffectiveDateTime
        InformationIssueDateTime AnnotationGroupUID AnnotationGroupLabel
        GraphicAnnotationSequence HangingProtocolCreationDateTime
        SelectorAEValue SelectorASValue SelectorDAValue SelectorDTValue
        SelectorOBValue SelectorLOValue SelectorLTValue SelectorPNValue
        SelectorTMValue SelectorSHValue SelectorUNValue SelectorSTValue
        SelectorUTValue SelectorURValue DigitalSignatureDateTime
        CertificateOfSigner AttributeModificationDateTime ModifyingSystem
        ReasonForTheAttributeModification DestinationAE StructureSetLabel
        TreatmentControlPointDate TreatmentControlPointTime SafePositionExitDate
        SafePositionExitTime SafePositionReturnDate SafePositionReturnTime
        RTPlanLabel SourceStrengthReferenceDate SourceStrengthReferenceTime
        TreatmentPositionGroupLabel RadiationDoseIdentificationLabel
        RadiationDoseInVivoMeasurementLabel RTToleranceSetLabel
        RadiationGenerationModeLabel TreatmentToleranceViolationDescription
        TreatmentToleranceViolationDateTime RecordedRTControlPointDateTime
        InterlockDateTime InterlockDescription OverrideDateTime
        InterlockOriginDescription BeamHoldTransitionDateTime DeviceLabel
        UserContentLabel UserContentLongLabel EntityLabel EntityLongLabel
        RTPrescriptionLabel
    """,
    "U": """
        RequestedSOPInstanceUID MediaStorageSOPInstanceUID
        ReferencedSOPInstanceUIDInFile InstanceCreatorUID AcquisitionUID
        SOPInstanceUID PyramidUID FailedSOPInstanceUIDList
        ReferencedSOPInstanceUID TransactionUID IrradiationEventUID DeviceUID
        ManufacturerDeviceClassUID TargetUID StudyInstanceUID SeriesInstanceUID
        FrameOfReferenceUID SynchronizationFrameOfReferenceUID ConcatenationUID
        DimensionOrganizationUID PaletteColorLookupTableUID
        LargePaletteColorLookupTableUID MultiplexGroupUID SpecimenUID
        ReferencedGeneralPurposeScheduledProcedureStepTransactionUID UID
        ObservationUID ReferencedObservationUIDTrial ObservationSubjectUIDTrial
        TemplateExtensionOrganizationUID TemplateExtensionCreatorUID TrackingUID
        SourceFrameOfReferenceUID FiducialUID PresentationDisplayCollectionUID
        PresentationSequenceCollectionUID StorageMediaFileSetUID
        DigitalSignatureUID ReferencedFrameOfReferenceUID
        RelatedFrameOfReferenceUID DoseReferenceUID ReferencedDoseReferenceUID
        TreatmentPositionGroupUID PatientSetupUID TreatmentSessionUID
        ReferencedTreatmentPositionGroupUID ConceptualVolumeUID
        ReferencedConceptualVolumeUID ConstituentConceptualVolumeUID
        SourceConceptualVolumeUID ReferencedFiducialsUID RTTreatmentPhaseUID
        DosimetricObjectiveUID ReferencedDosimetricObjectiveUID
    """,
    "Z/D": """
        ContentDate ContentTime PatientID ContrastBolusAgent
        InstructionPerformedDateTime ContentCreatorName
    """,
    "X/Z": """
        AcquisitionDate AcquisitionTime ReferencedStudySequence
        PatientSexNeutered RequestedProcedureDescription
        AcquisitionContextSequence LabelText BarcodeValue SourceSerialNumber
        TreatmentMachineName ReviewerName
    """,
    "X/D": """
        InstanceCreationDate SeriesDate SeriesTime
        OperatorIdentificationSequence ProtocolName
        AcquisitionDeviceProcessingDescription DetectorID
        DateOfLastDetectorCalibration TimeOfLastDetectorCalibration
        StartAcquisitionDateTime EndAcquisitionDateTime ObservationDateTime
        FirstTreatmentDate MostRecentTreatmentDate TreatmentDate TreatmentTime
        RTPlanDate RTPlanTime IntendedPhaseStartDate IntendedPhaseEndDate
        RTTreatmentApproachLabel TreatmentSite
    """,
    "X/Z/D": """
        AcquisitionDateTime InstanceCreationTime InstitutionName
        InstitutionCodeSequence StationName OperatorsName
        ReferencedPerformedProcedureStepSequence DeviceSerialNumber
    """,
    "X/Z/U*": """
        ReferencedImageSequence SourceImageSequence
    """,
}
"""Action code of the table to the keywords it is given to, separated by spaces."""
