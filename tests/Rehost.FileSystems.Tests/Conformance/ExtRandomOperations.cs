using System.Globalization;

namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>Random operations on our ext code and on a model; e2fsck and the kernel's own mount (or debugfs, where it cannot mount) judge.</summary>
public sealed class ExtRandomOperations
{
    private const int DefaultOperations = 400;

    public static TheoryData<string> Profiles => [.. ExtProfile.All.Select(profile => profile.Name)];

    [Theory]
    [MemberData(nameof(Profiles))]
    public void Random_operations_leave_what_the_model_says_and_e2fsck_agrees(string name)
        => RandomOperations.Test(ExtProfile.All.Single(profile => profile.Name == name), DefaultOperations);

    internal static int ReadSetting(string name, int otherwise)
        => int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : otherwise;
}
