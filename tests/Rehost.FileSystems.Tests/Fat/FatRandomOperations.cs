using Rehost.FileSystems.Tests.Conformance;

namespace Rehost.FileSystems.Tests.Fat;

public sealed class FatRandomOperations
{
    private const int DefaultOperations = 400;

    public static TheoryData<string> Profiles => [.. FatProfile.Matrix.Select(profile => profile.Name)];

    [Theory]
    [MemberData(nameof(Profiles))]
    public void Random_operations_leave_what_the_model_says_and_fsck_and_mtools_agree(string name)
        => RandomOperations.Test(FatProfile.Matrix.Single(profile => profile.Name == name), DefaultOperations);
}
