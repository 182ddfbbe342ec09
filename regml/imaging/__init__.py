"""Images, outlines and volumes: arrays and DICOM in, arrays and DICOM out."""
