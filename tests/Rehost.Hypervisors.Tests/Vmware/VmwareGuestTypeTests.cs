using Rehost.Hypervisors.Vmware;

namespace Rehost.Hypervisors.Tests.Vmware;

/// <summary>Names that the vSphere API of ESXi 5.5 lists.</summary>
public sealed class VmwareGuestTypeTests
{
    [Theory]
    [InlineData("debian", "12", "x86_64", "6.1.0-56-amd64", "debian7_64Guest")]
    [InlineData("debian", "5.0.10", "i386", "2.6.26-2-686", "debian5Guest")]
    [InlineData("ubuntu", "24.04", "x86_64", "6.8.0", "ubuntu64Guest")]
    [InlineData("centos", "5.11", "i686", "2.6.18-398.el5", "centosGuest")]
    [InlineData("rhel", "9.4", "x86_64", "5.14.0", "rhel7_64Guest")]
    [InlineData("sles", "15.5", "x86_64", "5.14.21", "sles12_64Guest")]
    [InlineData("arch", null, "x86_64", "6.10.1", "other3xLinux64Guest")]
    [InlineData("linux", null, "i686", "2.6.32", "other26xLinuxGuest")]
    [InlineData("linux", null, "i686", "2.4.37", "other24xLinuxGuest")]
    [InlineData("linux", null, "x86_64", null, "otherLinux64Guest")]
    public void EachSystemHasAName(string id, string? version, string architecture, string? kernel, string expected)
        => Assert.Equal(expected, VmwareGuestType.Of(new Rehost.Model.OperatingSystem { Id = id, Name = id, Version = version, Architecture = architecture }, kernel));
}
