namespace Rehost.Boot.Tests.Xen;

/// <summary>The laboratory has the machine to itself: libxl in dom0 gives its hotplug scripts 40 s, which an emulated dom0 that shares two cores with other guests may not make.</summary>
[CollectionDefinition(nameof(XenLabCollection), DisableParallelization = true)]
public sealed class XenLabCollection;
