/// Everything a user of the library needs under one import: methods, losses, augmentations, backbones, the
/// training loop and what judges it.
@_exported import EmanateAugmentations
@_exported import EmanateAutograd
@_exported import EmanateConfiguration
@_exported import EmanateData
@_exported import EmanateEvaluation
@_exported import EmanateImages
@_exported import EmanateInterchange
@_exported import EmanateKernels
@_exported import EmanateMethods
@_exported import EmanateNetworks
@_exported import EmanateObjectives
@_exported import EmanateOptimization
@_exported import EmanateReports
@_exported import EmanateTensors
@_exported import EmanateTraining
