using Rehost.FileSystems.Tests.Conformance;

namespace Rehost.FileSystems.Tests.Btrfs;

/// <summary>Random operations on our Btrfs code and on a model; btrfs check and the kernel judge.</summary>
public sealed class BtrfsRandomOperations
{
    private const int DefaultOperations = 160;

    public static TheoryData<string> Profiles => [.. BtrfsProfile.All.Select(profile => profile.Name)];

    [Theory]
    [MemberData(nameof(Profiles))]
    public void Random_operations_leave_what_the_model_says_and_btrfs_check_and_the_kernel_agree(string name)
        => RandomOperations.Test(BtrfsProfile.All.Single(profile => profile.Name == name), DefaultOperations);
}
