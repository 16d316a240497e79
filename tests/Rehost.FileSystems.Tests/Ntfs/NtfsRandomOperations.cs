using Rehost.FileSystems.Tests.Conformance;

namespace Rehost.FileSystems.Tests.Ntfs;

public sealed class NtfsRandomOperations
{
    private const int DefaultOperations = 400;

    public static TheoryData<string> Profiles => [.. NtfsProfile.Matrix.Select(profile => profile.Name)];

    [Theory]
    [MemberData(nameof(Profiles))]
    public void Random_operations_leave_what_the_model_says_and_the_tools_of_ntfs_3g_agree(string name)
        => RandomOperations.Test(NtfsProfile.Matrix.Single(profile => profile.Name == name), DefaultOperations);
}
