namespace Rehost.Fuzz.Engine;

/// <summary>A fault that was found, and the input that shows it.</summary>
/// <param name="Target">Which target.</param>
/// <param name="Key">What is the same for all inputs that show it.</param>
/// <param name="File">Where the smallest input is kept.</param>
/// <param name="Count">How often it was met.</param>
internal sealed record Finding(string Target, string Key, string File, int Count);
