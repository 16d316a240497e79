using Rehost.FileSystems.Tests.Conformance;

namespace Rehost.FileSystems.Tests.Xfs;

/// <summary>Random operations on our XFS code and on a model; xfs_repair -n and the kernel's own mount judge, and the kernel goes on writing.</summary>
public sealed class XfsRandomOperations
{
    private const int DefaultOperations = 300;

    public static TheoryData<string> Profiles => [.. XfsProfile.All.Select(profile => profile.Name)];

    [Theory]
    [MemberData(nameof(Profiles))]
    public void Random_operations_leave_what_the_model_says_and_xfs_repair_agrees(string name)
        => RandomOperations.Test(new XfsRandomProfile(XfsProfile.All.Single(profile => profile.Name == name)), DefaultOperations);
}
