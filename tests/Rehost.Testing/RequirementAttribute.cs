using Xunit.v3;

namespace Rehost.Testing;

/// <summary>Says which requirements a test proves, by the numbers of docs/requirements.md. Also a trait: dotnet test --filter Requirement=S1.33.</summary>
/// <param name="ids">Numbers: S1.33, X.1.</param>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Class, AllowMultiple = true)]
public sealed class RequirementAttribute(params string[] ids) : Attribute, ITraitAttribute
{
    /// <summary>The numbers.</summary>
    public IReadOnlyList<string> Ids => ids;

    /// <inheritdoc/>
    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => [.. ids.Select(id => new KeyValuePair<string, string>("Requirement", id))];
}
